"""The small curves of a matrix."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sdesim.comparison.align import Series
from sdesim.report.curve_svg import HEIGHT, MOST_LINES, WIDTH, curves


def series(values, times=None):
    values = np.atleast_2d(np.asarray(values, dtype=float))
    times = np.arange(values.shape[1], dtype=float) if times is None else np.asarray(times, dtype=float)
    return Series(np.broadcast_to(times, values.shape), values, values, values)


def drawn(*arms):
    return ET.fromstring(curves([(f"arm {k}", look, s) for k, (look, s) in enumerate(arms)], 'a <"b">'))


def of_class(root, name):
    return [e for e in root.iter() if name in (e.get("class") or "").split()]


def test_few_seeds_are_lines_in_the_colour_of_their_arm():
    root = drawn(("real", series([[1.0, 2.0, 3.0]] * 3)), ("a1", series([[0.0, 1.0, 2.0]] * 2)))

    assert root.get("aria-label") == 'a <"b">'
    assert [len(of_class(root, name)) for name in ("real", "a1", "line", "band")] == [3, 2, 5, 0]


def test_many_seeds_are_one_band_with_its_mean():
    root = drawn(("real", series(np.arange(3.0) + np.arange(MOST_LINES + 1)[:, None])))

    assert [len(of_class(root, name)) for name in ("line", "band")] == [1, 1]


def test_two_saved_points_are_dots_for_nothing_was_seen_between():
    root = drawn(("real", series([[1.0, 2.0]] * 3)))

    assert len(of_class(root, "real")) == 6
    assert {e.tag for e in of_class(root, "real")} == {"circle"}
    assert not of_class(root, "line")


def places(root):
    """Absolute corners of a path that is written by differences."""
    path = of_class(root, "line")[0].get("d")
    numbers = [float(v) for v in re.findall(r"-?\d*\.?\d+", path)]
    return np.cumsum(np.reshape(numbers, (-1, 2)), axis=0)


@pytest.mark.parametrize("values", [[0.0, 5.0, 10.0], [-3.0, 0.0, 3.0], [7.0, 7.0, 7.0]])
def test_curves_stand_where_their_values_are(values):
    root = drawn(("real", series([values])))

    x, y = places(root).T
    assert np.diff(x) == pytest.approx([x[1] - x[0]] * 2, abs=0.2)
    # Equal steps of the value are equal steps up the page, within the tenth of a pixel that is written.
    assert np.diff(y) == pytest.approx([y[1] - y[0]] * 2, abs=0.2)
    assert (y[0] > y[2]) == (values[0] < values[2])
    assert ((x >= 0) & (x <= WIDTH)).all()
    assert ((y >= 0) & (y <= HEIGHT)).all()


def test_positive_values_over_a_decade_stand_on_a_log_axis_that_says_so():
    root = drawn(("real", series([[1.0, 10.0, 100.0]])))

    steps = np.diff(places(root)[:, 1])
    assert steps[0] == pytest.approx(steps[1], abs=0.2)
    assert "log scale upwards" in "".join(root.itertext())
    assert {"1", "10", "100"} <= {t.text for t in root.iter("text")}


def test_a_gap_of_one_seed_stays_a_gap_and_nothing_gives_nothing():
    root = drawn(("real", series([[1.0, 2.0, np.nan, 3.0, 4.0], [1.0, 2.0, 3.0, 3.0, 4.0]])))

    assert [e.get("d").count("M") for e in of_class(root, "real")] == [2, 1]
    assert curves([("a", "real", series([[np.nan, np.nan]]))], "") == ""
