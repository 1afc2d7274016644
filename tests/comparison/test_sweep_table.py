"""The table of a sweep as arrays over its axes."""

from __future__ import annotations

import numpy as np
import pytest

from sdesim.comparison.sweep_table import SweepAxis, slices
from sdesim.report import SweepTable
from tests.plots.sweeps import ALPHA, SCALE, table


@pytest.mark.parametrize(
    ("values", "geometric"),
    [
        ((0.05, 0.1, 0.2, 0.4), True),
        ((4, 16, 64, 256), True),
        ((1.2, 1.5, 1.8, 2.0), False),
        ((0.0, 1.0, 10.0), False),
        ((1, 2, 3, 4, 5), False),
        (("relu", "tanh"), False),
    ],
)
def test_an_axis_is_logarithmic_where_its_values_are_geometric(values, geometric):
    assert SweepAxis("x", values).geometric is geometric


def test_values_in_any_order_end_up_in_their_place():
    shuffled = table(lambda a, s: a * s)
    shuffled["axes"][1]["values"] = [0.8, 0.1, 0.4, 0.2]

    found = SweepTable.of(shuffled).grids["sde", "C_alpha", "end"]

    assert np.allclose(found.value, np.outer(ALPHA, SCALE))


def test_slices_hold_all_other_axes_at_each_of_their_values():
    axes = [SweepAxis("a", (1, 2)), SweepAxis("b", (3, 4)), SweepAxis("c", ("x", "y"))]

    found = list(slices(axes, [0, 1]))

    assert [words for _, words in found] == ["c = x", "c = y"]
    assert found[1][0] == (slice(None), slice(None), 1)
