"""Phase diagrams: where the lines lie, what is hatched, which colours."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdesim.plots.phase_maps import MISSING, OPEN, THIN, phase_map, quantity_map, shown
from sdesim.plots.style import NothingToDraw, svg
from sdesim.report import SweepTable
from tests.plots.sweeps import ALL, table

# What stays white on a dark page.
WHITE = (254 / 255, 254 / 255, 254 / 255, 1)


def line_of(axes, colour):
    """Vertices of the full line of a colour, in axis positions."""
    for collection in axes[0].collections:
        wide = np.atleast_1d(collection.get_linewidths())[0] > 2
        if wide and collection.get_edgecolors().size and np.allclose(collection.get_edgecolors()[0], colour):
            return np.concatenate([p.vertices for p in collection.get_paths()])
    return None


def test_the_line_of_c_equal_to_one_lies_where_c_is_one():
    # C = (0.3/scale)²: 1 at scale 0.3; log C is linear in log scale, so the interpolation is exact.
    found = quantity_map(SweepTable.of(table(lambda a, s: (0.3 / s) ** 2)), ALL, "C_alpha", "end", "C")

    line = line_of(found, WHITE)

    assert np.allclose(line[:, 1], math.log10(0.3))
    assert np.allclose([line[:, 0].min(), line[:, 0].max()], [1.2, 1.8])


def test_the_line_of_c_star_lies_where_c_meets_it_and_none_is_drawn_that_is_not_met():
    both = table(lambda a, s: (0.05 / s) ** 2)
    both["rows"] += table(lambda a, s: 0.04, "C_star")["rows"]

    found = quantity_map(SweepTable.of(both), ALL, "C_alpha", "end", "C")

    assert line_of(found, WHITE) is None
    line = line_of(found, (1, 0xB0 / 255, 0, 1))
    assert np.allclose(line[:, 1], math.log10(0.25))


def test_cells_that_rest_on_too_little_are_hatched_and_no_others():
    data = table(lambda a, s: a + s, "exit_time.mean", "whole run")
    data["rows"][0]["high"] = math.inf
    data["rows"][5]["n"] = 2

    found = quantity_map(SweepTable.of(data), ALL, "exit_time.mean", "whole run", "T")

    hatched = [p for p in found[0].patches if p.get_hatch()]
    assert len(hatched) == 2
    centres = {tuple(np.round(p.get_center(), 6)) for p in hatched}
    assert (1.5, round(math.log10(0.2), 6)) in centres


def test_colours_are_logarithmic_for_c_with_a_few_below_zero_but_not_for_a_margin_with_a_sign():
    values = {"C_alpha": "LogNorm", "S": "Normalize"}

    for quantity, norm in values.items():
        data = table(lambda a, s: -0.1 if (a, s) == (1.2, 0.1) else s**3, quantity)
        found = quantity_map(SweepTable.of(data), ALL, quantity, "end", quantity)
        assert type(found[0].collections[0].norm).__name__ == norm


def test_a_quantity_that_never_varies_gets_no_map():
    for function, quantity in ((lambda a, s: 2.0, "C_alpha"), (lambda a, s: s, "loss")):
        with pytest.raises(NothingToDraw, match=f"{quantity} at end"):
            quantity_map(SweepTable.of(table(function)), ALL, quantity, "end")


def test_the_phase_map_shows_the_commonest_phase_with_its_share():
    shares = {"exploration": 0.7, "transition": 0.2, "generalization": 0.1}
    data = table(lambda a, s: 1.0)
    data["rows"] = [
        row
        for phase, share in shares.items()
        for row in table(lambda a, s, v=share: v, f"phase_fraction.{phase}", "whole run")["rows"]
    ]

    found = phase_map(SweepTable.of(data), ALL)

    assert {t.get_text() for t in found[0].texts} == {"70%"}


def test_a_ring_stands_where_the_interval_of_c_reaches_across_its_line_and_nowhere_else():
    # C is 0.97 at 0.2 and 5% about it; elsewhere it is far from 1.
    found = quantity_map(SweepTable.of(table(lambda a, s: (0.197 / s) ** 2)), ALL, "C_alpha", "end", "C")

    rings = [line for line in found[0].lines if line.get_marker() == "o"]
    assert len(rings) == 3
    # In the row of scale 0.2: a cell of log10(2).
    assert all(abs(ring.get_ydata()[0] - math.log10(0.2)) < 0.5 * math.log10(2) for ring in rings)
    assert shown(found[0].figure) == {"C = 1", OPEN}


def test_a_map_says_what_it_lacks_and_nothing_that_it_does_not_show():
    data = table(lambda a, s: a + s, "loss")
    whole = quantity_map(SweepTable.of(data), ALL, "loss", "end")
    data["rows"][0]["value"] = None
    data["rows"][5]["n"] = 2
    lacking = quantity_map(SweepTable.of(data), ALL, "loss", "end")

    assert shown(whole[0].figure) == set()
    assert shown(lacking[0].figure) == {MISSING, THIN}
    # Without a training there is no training loss.
    assert whole[0].figure.axes[-1].get_ylabel() == "loss at the end"


def test_what_stands_on_the_colours_of_a_map_stays_on_a_dark_page():
    found = quantity_map(SweepTable.of(table(lambda a, s: (0.3 / s) ** 2)), ALL, "C_alpha", "end", "C")

    colours = {text.get_color().lower() for text in found[0].texts}
    assert colours == {"#fefefe", "#101010"}
    # Written as they are, not as the ink or the ground of the page.
    assert all(f"fill: {colour}" in svg(found[0].figure) for colour in colours)
