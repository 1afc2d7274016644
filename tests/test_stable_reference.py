"""The reference set of the stable law: its rows are its points, and come out again."""

import csv

import numpy as np
import pytest

from analysis.stable_reference.__main__ import line, of_contestant, of_sdesim
from analysis.stable_reference.points import empty, points
from analysis.stable_reference.reference import FILE, Reference, read


def test_every_row_is_a_point_of_the_list_and_there_are_two_thousand():
    r = read()

    rows = set(zip(r.alpha.tolist(), r.beta.tolist(), r.x.tolist(), r.form.tolist(), strict=True))

    assert len(rows) == r.x.size >= 2000
    assert rows <= set(points())
    assert empty((0.5, 1.0, -3.0, "S1"))
    assert not empty((0.5, 0.999, -3.0, "S1"))


@pytest.mark.parametrize("law", [("1.5", "0.5"), ("0.65", "-0.3"), ("1.0", "0.5")])
def test_a_row_computed_anew_is_the_row(law):
    exact = pytest.importorskip("analysis.stable_reference.exact")
    with FILE.open() as file:
        row = next(r for r in csv.reader(file) if tuple(r[:2]) == law and 0.01 < abs(float(r[2])) < 10.0)

    found = exact.agreed(*map(float, row[:3]), row[3], False)

    assert found is not None
    with exact.mp.workdps(40):
        for value, text in zip(found[0], row[4:7], strict=True):
            assert abs(value - exact.mpf(text)) < exact.mpf(10) ** -28


def test_errors_are_relative_and_what_gives_no_number_counts_as_wrong():
    r = Reference(*(column[::40] for column in read()))

    own = of_sdesim(r)
    scipys, _ = of_contestant("scipy", r)

    assert max(np.nanmax(own[name]) for name in ("pdf", "sf", "cdf")) < 1e-12
    assert 0.3 < np.mean(scipys["pdf"] < 1e-10) < 0.9
    assert line(np.array([1e-13, 1e-11, np.inf, np.nan])) == "| 3 | 1 | 2 | 1 | -11.0 | inf |"
