"""Values of schedules, their means over steps, and what is refused."""

from dataclasses import dataclass

import numpy as np
import pytest

from sdesim import schedules
from sdesim.errors import SdesimError


@pytest.mark.parametrize(
    ("schedule", "exact"),
    [
        (schedules.Constant(0.3), lambda t: 0.3),
        (schedules.Power(2.0, -0.5, 4.0), lambda t: 2.0 * (4.0 + t) ** -0.5),
        (schedules.Logarithmic(0.5), lambda t: 0.5 / np.log(2.0 + t)),
        (schedules.Exponential(2.0, 0.5), lambda t: 2.0 * np.exp(-0.5 * t)),
        (schedules.Cosine(2.0, 4.0, 1.0), lambda t: 1.5 + 0.5 * np.cos(np.pi * t / 2)),
        (schedules.Periodic(1.0, 0.5, 4.0, np.pi / 2), lambda t: 1.0 + 0.5 * np.cos(np.pi * t / 2)),
        (schedules.Piecewise([1.0, 2.0], [3.0, 4.0, 5.0]), lambda t: 3.0 + (t >= 1) + (t >= 2)),
        (schedules.Piecewise([0.0, 2.0], [3.0, 4.0]), lambda t: 3.0 + (t >= 2)),
        (schedules.OfTime(lambda t: 1.0 if t < 1.5 else 2.0), lambda t: 1.0 + (t >= 1.5)),
    ],
)
def test_values_are_those_of_the_formula(schedule, exact):
    for t in (0.0, 0.5, 1.0, 1.5, 2.0, 3.7):
        assert schedule(t) == pytest.approx(exact(t), rel=1e-14)


def test_the_mean_of_a_power_over_a_step_is_its_integral():
    """Gauss's rule of three points is exact to t⁵, so of a cubic to rounding."""
    means = schedules.Exponential(2.0, 1.0).step_means(0, 20, 20, 0.1, 2.0)
    t = 0.1 * np.arange(21)
    np.testing.assert_allclose(means, -np.diff(2.0 * np.exp(-2.0 * t)) / 0.1, rtol=1e-9)

    cubic = schedules.Power(1.0, 1.0, 1.0).step_means(0, 5, 5, 0.1, 3.0)
    np.testing.assert_allclose(cubic, np.diff((1.0 + t[:6]) ** 4) / 0.4, rtol=1e-14)


def test_a_step_that_holds_a_switch_at_its_end_takes_one_value():
    means = schedules.Piecewise([0.2], [1.0, 2.0]).step_means(0, 4, 4, 0.1)
    np.testing.assert_allclose(means, [1.0, 1.0, 2.0, 2.0], rtol=1e-15)


def test_what_is_no_coefficient_is_said_in_one_line():
    falls = schedules.OfTime(lambda t: 1.0 - t)

    assert falls.problem(0.5, 0.0) is None
    assert "allowed: finite numbers of at least 0" in falls.problem(2.0, 0.0)
    assert falls.problem(2.0) is None
    assert "at t = 0" in schedules.OfTime(lambda t: float("nan")).problem(1.0)
    assert "must take a number" in schedules.OfTime(lambda t: "x").problem(1.0)
    # What the function itself raises is told too.
    assert "ZeroDivisionError" in schedules.OfTime(lambda t: 1 / 0).problem(1.0)
    assert "TypeError: found str" in schedules.OfTime(lambda t: "1").problem(1.0)
    with pytest.raises(SdesimError, match="at least 0"):
        falls.step_means(0, 20, 20, 0.1)


def test_a_function_of_more_than_time_is_refused():
    chance, calls = np.random.default_rng(0), iter(range(10**6))

    for function in (lambda t: chance.random(), lambda t: 1.0 + next(calls)):
        assert "allowed: a function of t alone" in schedules.OfTime(function).problem(1.0)


def test_one_of_ones_own_needs_value():
    @dataclass(frozen=True)
    class Nothing(schedules.Base):
        pass

    with pytest.raises(SdesimError, match="must have value"):
        Nothing()(1.0)
    assert Nothing().constant is None
