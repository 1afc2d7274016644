"""Bad pieces are refused, each at its place."""

import pytest

from sdesim import schedules
from sdesim.kinds import Misfit


@pytest.mark.parametrize(
    ("times", "values", "place"),
    [
        ([2.0, 1.0], [1.0, 2.0, 3.0], ("times", 1)),
        ([1.0, 1.0], [1.0, 2.0, 3.0], ("times", 1)),
        ([1.0, 2.0], [1.0, 2.0], ("values",)),
        ([1.0], [1.0, 2.0, 3.0], ("values",)),
    ],
)
def test_times_that_do_not_grow_and_missing_values_are_refused(times, values, place):
    with pytest.raises(Misfit) as caught:
        schedules.Piecewise(times, values)
    assert caught.value.problems[0][0] == place


def test_equal_values_are_a_constant():
    assert schedules.Piecewise([1.0], [0.5, 0.5]).constant == 0.5
    assert schedules.Piecewise([1.0], [0.5, 0.6]).constant is None
