"""Moments of truncated and tempered jumps, and the jump term of the logarithm."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.noise import sample_stable
from sdesim.stable.sampling.tempered import Tempered


def intensity(alpha, scale=1.0):
    return scale**alpha * math.gamma(1 + alpha) * math.sin(math.pi * alpha / 2) / math.pi


# GT28: c = 0.5 at α = 1.2.
SCALE28 = (0.5 / intensity(1.2)) ** (1 / 1.2)


def test_gt28_second_moments_of_truncated_and_tempered_jumps():
    cut = est.jump_moments(1.2, SCALE28, truncation=2.0, rule="reject")
    tempered = est.jump_moments(1.2, SCALE28, tempering=1.0)

    assert cut.second[0] == pytest.approx(2.176376, abs=1e-6)
    assert tempered.second[0] == pytest.approx(1.16423, abs=1e-5)
    # The stationary variance of dX = −X dt + dζ is where the generator of V = x²/2 vanishes on average.
    variance = 0.5821149
    drift = est.lyapunov_drift(
        None, 0.0, hessian_diffusion_trace=0.0, jump=est.jump_term(tempered, [1.0]), grad_norm2=variance
    )
    assert drift.value == pytest.approx(0, abs=1e-6)
    assert est.jump_term_truncated(1.2, SCALE28, 2.0, 3.0) == pytest.approx(1.5 * 2.176376, abs=1e-5)


@pytest.mark.parametrize("alpha", [0.7, 1.0, 1.5])
@pytest.mark.parametrize("skew", [0.0, 0.6])
def test_tempered_moments_are_the_derivatives_of_the_cumulant_function_that_is_sampled(alpha, skew):
    law = Tempered(alpha, skew, 0.8)

    found = est.jump_moments(alpha, 1.0, skew, tempering=0.8)

    assert found.mean[0] == pytest.approx(float(law.mean(np.array(0.0), 1.0)) + law.location, abs=1e-12)
    assert found.second[0] == pytest.approx(float(law.spread(np.array(0.0), 1.0)), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.7, 1.5])
@pytest.mark.parametrize("rule", ["clip", "reject"])
def test_truncated_moments_are_the_integrals_over_the_jumps(alpha, rule):
    radius, skew, sigma = 2.0, 0.6, np.array([1.0, 0.5])
    found = est.jump_moments(alpha, sigma, skew, truncation=radius, rule=rule)

    for i, c in enumerate(intensity(alpha, s) for s in sigma):
        second = 2 * c * quad(lambda y: y ** (1 - alpha), 0, radius)[0]
        if alpha < 1:
            mean = 2 * c * skew * quad(lambda y: y**-alpha, 0, radius)[0]
        else:
            # The stable mean is 0: what lies beyond R is missing.
            mean = -2 * c * skew * quad(lambda y: y**-alpha, radius, np.inf)[0]
        beyond = quad(lambda y: y ** (-1 - alpha), radius, np.inf)[0]
        if rule == "clip":
            second += 2 * c * radius**2 * beyond
            mean += 2 * c * skew * radius * beyond
        assert found.second[i] == pytest.approx(second, rel=1e-6)
        assert found.mean[i] == pytest.approx(mean, rel=1e-6)


def test_clipped_increments_of_a_short_step_have_the_second_moment_of_clipped_jumps():
    dt, n = 1e-3, 1_000_000
    x = dt ** (1 / 1.5) * sample_stable(1.5, 0.0, n, seed=4)

    rates = np.clip(x, -1, 1) ** 2 / dt

    # 5 standard errors (about 7%); rejection instead of clipping would be 25% less.
    exact = est.jump_moments(1.5, 1.0, truncation=1.0).second[0]
    assert abs(rates.mean() - exact) < 5 * rates.std() / math.sqrt(n)


def test_the_mean_of_truncated_jumps_is_continuous_in_alpha_after_the_s1_shift():
    # Near α = 1 S1 moves by β tan(πα/2) σ; the S0 location is continuous.
    def located(alpha):
        return est.jump_moments(alpha, 1.0, 0.5, truncation=2.0).mean[0] - 0.5 * math.tan(math.pi * alpha / 2)

    at_one = est.jump_moments(1.0, 1.0, 0.5, truncation=2.0).mean[0]
    assert located(1 - 1e-6) == pytest.approx(at_one, abs=1e-4)
    assert located(1 + 1e-6) == pytest.approx(at_one, abs=1e-4)


def test_stable_jumps_leave_the_drift_of_the_loss_infinite_and_skewed_ones_push():
    free = est.jump_moments(1.5, [0.1, 0.0])
    assert est.jump_term(free, [1.0, 2.0]) == math.inf
    drift = est.lyapunov_drift(
        np.ones(2), 0.0, hessian_diffusion_trace=0.1, jump=est.jump_term(free, [1.0, 2.0])
    )
    assert drift.has("jump_infinite")
    assert drift.value == math.inf

    skewed = est.jump_moments(0.8, [0.1, 0.2], 0.5, tempering=2.0)
    expected = 0.5 * skewed.second @ [1.0, 3.0] + skewed.mean @ [0.4, -0.2]
    assert est.jump_term(skewed, [1.0, 3.0], [0.4, -0.2]) == pytest.approx(expected)
    with pytest.raises(EstimatorError, match="give grad"):
        est.jump_term(skewed, [1.0, 3.0])


def test_gt32_jump_term_of_the_logarithm():
    assert est.log_jump_term(0.0, 1.5, 1.0) == pytest.approx(1.772454, abs=1e-6)
    assert est.log_jump_term(0.7, 1.0, 1.0) == pytest.approx(1.342282, abs=1e-6)
    assert est.log_jump_term(0.7, 1.5, 1.0) == pytest.approx(0.8002959, abs=1e-6)


@given(st.floats(-5, 5), st.floats(0.1, 3), st.floats(0.1, 3))
def test_at_alpha_one_the_jump_term_is_two_sigma_over_one_plus_x_squared(x, sigma, size):
    assert est.log_jump_term(x, 1.0, sigma) == pytest.approx(2 * sigma / (1 + x * x))
    # Two coordinates: A² = 1 + y² takes the place of 1.
    both = est.log_jump_term([x, size], 1.0, [sigma, 0.0])
    a = math.sqrt(1 + size**2)
    assert both == pytest.approx(2 * sigma / a / (1 + (x / a) ** 2))


def jump_integral(x, alpha, skew, near=1e-3):
    """∫ [V(x+y) − V(x) − y V′ 1(centred)] ν(dy) for V = log(1+x²), as S1 is located."""
    first, second = 2 * x / (1 + x * x), (2 - 2 * x * x) / (1 + x * x) ** 2
    slope = first if alpha > 1 else 0.0

    def side(sign):
        def f(s):
            y = sign * math.exp(s)
            return (math.log1p((x + y) ** 2) - math.log1p(x * x) - y * slope) * math.exp(-alpha * s)

        ends = (math.log(near), 0, 12, 80)
        far = sum(quad(f, a, b, limit=300)[0] for a, b in pairwise(ends))
        # Taylor's first two terms for |y| < near.
        linear = 0.0 if alpha > 1 else sign * first * near ** (1 - alpha) / (1 - alpha)
        return far + linear + second / 2 * near ** (2 - alpha) / (2 - alpha)

    return intensity(alpha) * ((1 + skew) * side(1) + (1 - skew) * side(-1))


@pytest.mark.parametrize("alpha", [0.6, 1.5])
def test_the_jump_term_of_skewed_noise_is_the_integral_over_its_jumps(alpha):
    for x in (-0.5, 0.7):
        # The third Taylor term is of order near^{3−α}, below 1e-4 of which the skew leaves a part.
        assert est.log_jump_term(x, alpha, 1.0, 0.6) == pytest.approx(jump_integral(x, alpha, 0.6), abs=2e-5)


def test_at_alpha_one_the_skewed_jump_term_is_the_limit_in_the_s0_location():
    def located(alpha):
        move = -0.6 * math.tan(math.pi * alpha / 2) * 2 * 0.7 / 1.49
        return est.log_jump_term(0.7, alpha, 1.0, 0.6) + move

    assert located(1 - 1e-6) == pytest.approx(est.log_jump_term(0.7, 1.0, 1.0, 0.6), abs=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: est.jump_moments(2.0, 1.0), "alpha must be in"),
        (lambda: est.jump_moments(1.5, 1.0, truncation=1.0, tempering=1.0), "not both"),
        (lambda: est.jump_moments(1.5, 1.0, rule="drop"), "rule must be"),
        (lambda: est.log_jump_term([1.0, 2.0], 1.5, [1.0, 2.0, 3.0]), "scale must be"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(EstimatorError, match=message):
        call()
