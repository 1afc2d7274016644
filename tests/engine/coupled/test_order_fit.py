"""Orders from samples of errors."""

import numpy as np
import pytest

from sdesim.engine.coupled.order_fit import fitted_order

STEPS = (10, 20, 40, 80)


def fit(samples, steps=STEPS, rounding=0.0):
    return fitted_order(samples, steps, np.abs, "test", rounding)


def test_a_power_of_the_step_is_found_whatever_factor_the_paths_share():
    shared = np.random.default_rng(0).exponential(size=(400, 1))

    order, error, se = fit(shared * 10.0 * np.array(STEPS, float) ** -1.5)

    # The factor moves all errors alike, so that the slope is known to rounding though they are not.
    assert order.value == pytest.approx(1.5, abs=1e-12)
    assert order.high - order.low < 1e-12
    assert se[0] / error[0] == pytest.approx(0.05, rel=0.2)
    assert order.flags == ()


def test_errors_in_the_noise_make_no_order_and_those_of_the_arithmetic_are_said_to_be():
    rng = np.random.default_rng(0)

    lost, _, _ = fit(rng.standard_normal((400, 4)))
    floor, _, _ = fit(100.0 / np.array(STEPS, float) + 15.0 * rng.standard_normal((400, 4)))
    exact, _, _ = fit(np.full((400, 4), 1e-17), rounding=1e-14)

    assert lost.flags == ("not_told",)
    assert np.isnan(lost.value)
    assert floor.flags == ("noise_floor",)
    assert floor.low < 1.0 < floor.high
    assert exact.flags == ("rounding",)


def test_an_order_that_still_changes_is_said_to_and_its_interval_holds_the_limit():
    dt = 8.0 / np.array(STEPS, float)

    order, _, _ = fit(np.ones((400, 1)) * (dt * (1.0 + dt)))

    assert "not_asymptotic" in order.flags
    assert order.value > 1.1
    assert order.low < 1.06
