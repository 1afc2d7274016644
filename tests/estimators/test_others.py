"""Tails, dimension, curvature, drift, I and transitions against known answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_lanczos_finds_both_ends_of_a_symmetric_matrix(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((12, 12))
    a = a + a.T
    values = np.linalg.eigvalsh(a)

    e = est.lambda_max(lambda v: a @ v, 12)
    edges = est.spectrum_edges(lambda v: a @ v, 12, 2)

    assert e.value == pytest.approx(values[-1], rel=1e-6, abs=1e-8)
    assert edges.bottom[0].value == pytest.approx(values[0], rel=1e-6, abs=1e-8)
    assert edges.top[1].value == pytest.approx(values[-2], rel=1e-4, abs=1e-6)


@given(SEEDS, st.floats(-5, 5), st.floats(0.1, 10))
def test_lambda_max_is_equivariant(seed, shift, scale):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((8, 8))
    a = a + a.T

    e = est.lambda_max(lambda v: scale * (a @ v) + shift * v, 8)

    assert e.value == pytest.approx(scale * np.linalg.eigvalsh(a)[-1] + shift, rel=1e-6, abs=1e-6)


def test_a_residual_bounds_the_error_and_a_stopped_lanczos_says_so():
    d = 400
    values = np.linspace(0, 1, d) ** 0.5
    e = est.lambda_max(lambda v: values * v, d, max_iter=5)

    assert e.has("not_converged")
    assert np.abs(values - e.value).min() <= e.high - e.value


def test_power_iteration_finds_the_largest_magnitude_and_says_when_it_is_negative():
    values = np.array([1.0, -3.0, 0.5])
    e = est.lambda_max(lambda v: values * v, 3, method="power")

    assert e.value == pytest.approx(-3, rel=1e-3)
    assert e.has("neg_dominant")


@pytest.mark.parametrize(
    ("settings", "critical"),
    [
        ({}, 20.0),
        ({"momentum": 0.9}, 38.0),
        ({"momentum": 0.9, "nesterov": True}, 38 / 2.8),
    ],
)
def test_the_margin_vanishes_at_the_critical_sharpness(settings, critical):
    assert est.stability_margin(critical, 0.1, **settings).value == pytest.approx(0, abs=1e-12)
    assert est.stability_margin(0.0, 0.1, **settings).value == 2
    assert est.stability_margin(1.0, 0.1, method="literal").has("units")


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_heavy_ball_is_stable_just_below_the_critical_sharpness_and_not_above(momentum):
    for factor, stable in ((0.99, True), (1.01, False)):
        lam = factor * est.critical_sharpness(0.1, momentum)
        step = np.array([[1 + momentum - 0.1 * lam, -momentum], [1.0, 0.0]])
        assert (np.abs(np.linalg.eigvals(step)).max() < 1) == stable


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


@given(st.floats(0, 1), st.floats(-2, 2), st.floats(1, 2))
def test_the_sign_of_i_is_that_of_the_margin_and_its_cap_is_one_over_d(p, s, d):
    i = est.intelligence(p, s, d).value

    assert i <= 1 / d + 1e-12
    assert i == 0 or math.copysign(1, i) == math.copysign(1, s)


def test_a_confident_crossing_needs_intervals_on_the_new_side():
    series = np.array([0.2, 0.6, 0.3, 0.6, 0.7, 0.8, 0.9, 0.9])

    noisy = est.detect_transition(series, series - 0.5, series + 0.5)
    clear = est.detect_transition(series, series - 0.01, series + 0.01)
    literal = est.detect_transition(series, method="crossing")

    assert noisy.index is None
    assert literal.index == 1
    assert clear.index is None  # it never held the old side for three values
    settled = np.concatenate([np.full(4, 0.2), series[3:]])
    assert est.detect_transition(settled, settled - 0.01, settled + 0.01).index == 4


def test_a_change_point_is_found_and_noise_has_none():
    rng = np.random.default_rng(5)
    noise = rng.standard_normal(200)

    found = est.detect_transition(noise + np.where(np.arange(200) < 120, 0, 3), method="changepoint")

    assert abs(found.index - 120) <= 3
    assert est.detect_transition(noise, method="changepoint").index is None
