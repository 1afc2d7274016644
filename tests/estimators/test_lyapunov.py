"""The generator, Lyapunov functions under heavy tails, and exponents of the tangent dynamics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SEEDS = st.integers(0, 2**32 - 1)


def test_the_generator_of_a_quadratic_is_the_rate_of_change_of_its_mean_loss():
    rates, diffusion, x = np.array([1.0, 3.0]), 0.2, np.array([0.7, -0.4])
    drift = est.lyapunov_drift(rates * x, 2 * diffusion, hessian_diffusion_trace=diffusion * rates.sum())

    # E x_i² = x_i² e^{−2λt} + D/λ (1 − e^{−2λt}).
    h = 1e-6
    later = (
        0.5 * (rates * (x**2 * np.exp(-2 * rates * h) + diffusion / rates * -np.expm1(-2 * rates * h))).sum()
    )
    assert drift.value == pytest.approx((later - 0.5 * (rates * x**2).sum()) / h, rel=1e-4)


@given(SEEDS)
def test_the_literal_drift_is_negative_exactly_where_the_literal_c_exceeds_one(seed):
    g = np.random.default_rng(seed).standard_normal((10, 3)) + 0.5
    c = est.consolidation_ratio(g, "literal").value
    drift = est.lyapunov_drift(g.mean(axis=0), g.var(axis=0, ddof=1).sum(), method="literal")

    assert drift.has("units")
    assert abs(c - 1) < 1e-8 or (drift.value < 0) == (c > 1)


def test_the_generator_needs_the_hessian_and_knows_infinite_jumps():
    with pytest.raises(EstimatorError, match="hessian_diffusion_trace"):
        est.lyapunov_drift(np.ones(2), 1.0)
    e = est.lyapunov_drift(np.ones(2), 1.0, hessian_diffusion_trace=1.0, jump=math.inf)
    assert e.has("jump_infinite")


def test_the_exponent_of_a_linear_map_is_its_log_growth():
    growth = np.full(40, -0.3)

    e = est.lyapunov_exponent(growth, np.arange(41) * 0.5)

    assert e.value == pytest.approx(-0.6)


def test_gt32_generator_of_the_logarithm_under_gaussian_and_cauchy_noise():
    assert est.log_lyapunov_drift(0.7, 0.7, 0.3, 1.0, 0.5).value == pytest.approx(0.1512544, abs=1e-7)


def test_the_drift_over_a_step_of_a_quadratic_is_exact_and_restarts_cover_it():
    x, h, d, runs = 0.7, 0.05, 0.2, 1000
    exact = est.lyapunov_drift([x], 0.0, "step", hessian_diffusion_trace=d, hessian_signal=x * x, eta=h).value
    assert exact == pytest.approx((((1 - h) ** 2 - 1) * x * x / 2 + d * h) / h)

    covered = 0
    for seed in range(runs):
        y = (1 - h) * x + math.sqrt(2 * d * h) * np.random.default_rng(seed).standard_normal(100)
        e = est.restart_drift(x * x / 2, y * y / 2, h)
        covered += e.low <= exact <= e.high

    # 5 binomial standard errors.
    assert abs(covered / runs - 0.95) < 5 * math.sqrt(0.95 * 0.05 / runs)


def test_gt32_restarts_agree_with_the_exact_step_under_cauchy_noise():
    x, h, sigma, d, n = 0.7, 0.005, 0.5, 0.3, 400_000
    rng = np.random.default_rng(8)
    y = (1 - h) * x + math.sqrt(2 * d * h) * rng.standard_normal(n) + sigma * h * rng.standard_cauchy(n)

    e = est.restart_drift(math.log1p(x * x), np.log1p(y * y), h)

    # 0.1573014 is exact for this step; half the interval is 1.96 standard errors, so 2.6 of it are 5.
    assert abs(e.value - 0.1573014) < 2.6 * (e.high - e.low) / 2


def test_errors_of_signal_and_hessian_trace_add_in_squares_with_nominal_coverage():
    runs, covered = 1000, 0
    for seed in range(runs):
        a, b = np.random.default_rng(seed).standard_normal(2)
        signal = est.Estimate(3 + a, 3 + a - 1.959964, 3 + a + 1.959964, 0.95, "given", 5)
        bent = est.Estimate(1 + 0.5 * b, 1 + 0.5 * b - 0.979982, 1 + 0.5 * b + 0.979982, 0.95, "given", 5)
        e = est.lyapunov_drift(None, 0.0, hessian_diffusion_trace=bent, grad_norm2=signal)
        covered += e.low <= -2 <= e.high

    assert abs(covered / runs - 0.95) < 5 * math.sqrt(0.95 * 0.05 / runs)


def test_foster_lyapunov_of_ornstein_uhlenbeck_is_exact():
    # V = x²/2, dX = −X dt + √(2D) dW: ℒV = −2V + D.
    v = np.linspace(0.1, 3, 20)
    fit = est.foster_lyapunov(-2 * v + 0.3, v)

    assert fit.rate.value == pytest.approx(2)
    assert fit.source.value == pytest.approx(0.3)
    assert fit.bound == pytest.approx(0.3)
    assert not fit.has("not_dissipative")
    assert est.foster_lyapunov(0.5 * v, v).has("not_dissipative")


@given(SEEDS, st.floats(1e-6, 1e6))
def test_a_foster_bound_holds_at_every_point_in_any_unit(seed, unit):
    rng = np.random.default_rng(seed)
    v = unit * rng.exponential(size=15)
    drift = -v + unit * rng.standard_normal(15)

    fit = est.foster_lyapunov(drift, v)

    assert np.all(drift <= -fit.rate.value * v + fit.bound + 1e-9 * unit)


def test_intervals_of_the_foster_fit_cover_as_measured():
    runs = 1000
    rate = source = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        v = rng.exponential(1, 40) + 0.1
        fit = est.foster_lyapunov(-0.7 * v + 0.4 + 0.3 * v * rng.standard_normal(40), v)
        rate += fit.rate.low <= 0.7 <= fit.rate.high
        source += fit.source.low <= 0.4 <= fit.source.high

    # Measured 0.90 and 0.93 instead of 0.95 (few points far out carry the slope); 5 binomial errors.
    assert abs(rate / runs - 0.90) < 5 * math.sqrt(0.90 * 0.10 / runs)
    assert abs(source / runs - 0.93) < 5 * math.sqrt(0.93 * 0.07 / runs)


def test_gt13_exponent_of_the_euler_maruyama_chain_within_its_interval():
    a, s, h = 0.5, 1.2, 0.05
    z = np.random.default_rng(9).standard_normal((4000, 50))
    growth = np.log(np.abs(1 - a * h + s * math.sqrt(h) * z)).sum(axis=1)

    e = est.lyapunov_exponent(growth, np.arange(4001) * 50 * h)

    # Chain, not SDE (−1.22); the half-width is 2.09 standard errors of 20 blocks, 3 of it are over 6.
    assert abs(e.value + 1.390114) < 3 * (e.high - e.low) / 2
    assert e.high < -1.22


def test_gt21_exponents_of_random_factors_are_covered_as_they_say():
    runs, covered = 1000, 0
    for seed in range(runs):
        growth = np.log(np.abs(1 - np.random.default_rng(seed).standard_normal(100) ** 2))
        e = est.lyapunov_exponent(growth, np.arange(101.0))
        covered += e.low <= -0.4169916 <= e.high

    assert abs(covered / runs - 0.95) < 5 * math.sqrt(0.95 * 0.05 / runs)


def test_a_burn_in_leaves_out_the_turn_of_the_vector_and_flags_are_passed_on():
    growth = np.concatenate([[-5.0, -3.0], np.full(40, -0.3)])

    e = est.lyapunov_exponent(growth, np.arange(43) * 0.5, burn_in=2, additive_only=True)

    assert e.value == pytest.approx(-0.6)
    assert e.has("additive_only")
    assert e.n == 40


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: est.lyapunov_exponent([1.0], [0.0]), "needs times"),
        (lambda: est.lyapunov_exponent([1.0], [0.0, 1.0], burn_in=1), "burn_in must leave"),
        (lambda: est.lyapunov_drift([1.0], 0.0, "step", 1.0), "needs hessian_signal"),
        (lambda: est.restart_drift(0.0, [1.0], 0.1), "n >= 2"),
        (lambda: est.restart_drift(0.0, [1.0, 2.0], 0.0), "duration must be positive"),
        (lambda: est.foster_lyapunov([1.0] * 4, [1.0] * 4), "value must differ"),
        (lambda: est.foster_lyapunov([1.0, math.inf, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]), "must be finite"),
        (lambda: est.log_lyapunov_drift([1.0], [1.0, 2.0]), "theta, grad and diffusion"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(EstimatorError, match=message):
        call()
