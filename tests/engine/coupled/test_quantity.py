"""Functions of the state that users give."""

import math

import numpy as np
import pytest

from sdesim.engine.coupled.quantity import compiled_quantity
from sdesim.errors import SdesimError

START = np.array([0.5, -1.0])


def test_a_function_of_one_state_is_taken_over_all_and_its_growth_is_read():
    square = compiled_quantity(lambda x: x[0] ** 2 + x[1], START)

    np.testing.assert_array_equal(square(np.array([[1.0, 2.0], [3.0, 4.0]])), [4.0, 8.0])
    assert square.growth(START) == pytest.approx(2.0, abs=0.01)
    with pytest.raises(SdesimError, match=r"has no mean under noise of tail index 1\.5"):
        square.check_moments(START, 1.5)
    square.check_moments(START, None)


def test_what_has_a_mean_but_no_variance_is_refused_and_what_is_bounded_is_not():
    with pytest.raises(SdesimError, match=r"no variance .* allowed: below \|x\|\^0.75"):
        compiled_quantity(lambda x: abs(x[0]), START).check_moments(START, 1.5)
    compiled_quantity(lambda x: math.cos(x[0]), START).check_moments(START, 0.5)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (3.0, "quantity must be a function of the state"),
        (lambda x: x[2], r"fails at the start: IndexError"),
        (lambda x: x, r"must return a number for one state \(d,\), got float64 of shape \(2,\)"),
        (lambda x: {"a": x[0]}["a"] if x[0] > 0 else sorted(open("x")), "Numba can't compile quantity"),  # noqa: SIM115
        (lambda x: math.inf, "must be finite at the start, got inf"),
    ],
)
def test_what_is_no_number_of_one_state_is_refused_in_a_line(function, words):
    with pytest.raises(SdesimError, match=words) as caught:
        compiled_quantity(function, START)
    assert "\n" not in str(caught.value)
