"""Extrapolation to no step."""

import math

import numpy as np
import pytest

import sdesim
from sdesim.errors import SdesimError
from sdesim.estimate import Estimate


def measured(value, error=0.01):
    return Estimate(value, value - 1.959964 * error, value + 1.959964 * error, 0.95, "test", 10)


def test_powers_are_extrapolated_exactly_with_the_order_given_or_fitted():
    given = sdesim.extrapolate(lambda dt: 2.0 + 3.0 * dt**2, [0.4, 0.2, 0.1], order=2)
    fitted = sdesim.extrapolate(lambda dt: 2.0 + 3.0 * dt**1.5, [0.4, 0.2, 0.1, 0.05])

    assert given.value == pytest.approx(2.0, abs=1e-12)
    assert given.details["remaining_bias"] < 1e-12
    assert given.details["coefficient"] == pytest.approx(3.0)
    assert fitted.value == pytest.approx(2.0, abs=1e-6)
    assert fitted.details["order"] == pytest.approx(1.5, abs=1e-6)


def test_the_remaining_bias_holds_what_a_further_term_leaves():
    for order, dts in ((1, [0.1, 0.05, 0.025]), (None, [0.1, 0.05, 0.025, 0.0125]), (1, [0.1, 0.05])):
        found = sdesim.extrapolate(lambda dt: 2.0 + 3.0 * dt + 4.0 * dt**2, dts, order=order)

        assert found.low <= 2.0 <= found.high
        assert found.has("remaining_bias_guessed") == (len(dts) == 2)


def test_two_steps_of_order_one_have_the_error_of_twice_one_less_the_other():
    found = sdesim.extrapolate(lambda dt: measured(1.0 + dt), [0.2, 0.1], order=1)

    # v₀ = 2 v(0.1) − v(0.2): √5 errors, and |c| 0.1²/0.2 of remaining bias.
    assert found.value == pytest.approx(1.0)
    half = 1.959964 * math.sqrt(5) * 0.01 + 0.05
    assert found.high - found.value == pytest.approx(half, rel=1e-6)
    assert found.n == 20


def test_what_does_not_change_with_the_step_tells_no_order_and_what_misses_the_line_is_said():
    still = sdesim.extrapolate(lambda dt: measured(1.0), [0.4, 0.2, 0.1])
    bent = sdesim.extrapolate(lambda dt: measured(math.sin(40 * dt), 1e-6), [0.4, 0.3, 0.2, 0.1], order=1)

    assert still.flags == ("order_not_told",)
    assert still.value == pytest.approx(1.0)
    assert "poor_fit" in bent.flags


@pytest.mark.parametrize(
    ("function", "dts", "order", "words"),
    [
        (lambda dt: 1.0, [0.1, 0.05], None, "found 2 different steps, allowed: at least 3, since the order"),
        (lambda dt: 1.0, [0.1, 0.1], 1, "found 1 different steps"),
        (lambda dt: np.nan, [0.1, 0.05], 1, "which is no finite number"),
        (lambda dt: "one", [0.1, 0.05], 1, "must give an Estimate or a number, got 'one'"),
        (lambda dt: 1.0, [0.1, 0.05], 0.0, "order must be above 0"),
        (3, [0.1, 0.05], 1, "simulate_at must be a function of dt, got 3"),
        (
            lambda dt: "1.5",
            [0.1, 0.05],
            1,
            r"simulate_at\(0.1\) must give an Estimate or a number, got '1.5'",
        ),
    ],
)
def test_what_can_be_no_limit_is_refused(function, dts, order, words):
    with pytest.raises(SdesimError, match=words):
        sdesim.extrapolate(function, dts, order)
