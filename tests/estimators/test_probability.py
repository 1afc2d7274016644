"""What is read from C: p, odds, directions, power, phase."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.noise import sample_stable
from tests.estimators.samples import near


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 1e9))
def test_literal_p_lies_in_the_half_open_unit_interval_and_odds_invert_it(c):
    p = est.probability(c)

    assert 0 <= p.value < 1
    assert est.odds(p).value == pytest.approx(c, rel=1e-6)


@settings(deadline=None)
@given(st.floats(-0.5, 50), st.floats(0, 50))
def test_p_is_a_monotone_map(c, more):
    assert est.probability(c + more).value >= est.probability(c).value


def test_direction_probability_of_white_noise_is_phi_of_root_d_c():
    rng = np.random.default_rng(4)
    d, c, n = 20, 0.05, 100_000
    mean = np.full(d, math.sqrt(c))
    share = ((rng.standard_normal((n, d)) + mean) @ mean > 0).mean()

    # Bernoulli, standard error below 0.5/√n.
    assert abs(share - est.direction_probability(c, d).value) < 5 * 0.5 / math.sqrt(n)
    assert est.direction_probability(c, d, method="literal").value < 0.6


def test_phase_is_undecided_where_the_interval_spans_the_threshold():
    assert est.phase(0.5, 0.2, 0.9) == "exploration"
    assert est.phase(0.9, 0.5, 1.2) == "transition"
    assert est.phase(2.0, 1.5, 2.5) == "generalization"
    assert est.phase(float("nan")) == "undefined"


SEEDS = st.integers(0, 2**32 - 1)


def test_p_is_monotone_beyond_every_end_of_an_interval():
    e = est.Estimate(0.1, -1.5, 4.0, 0.95, "debiased", 8)

    p = est.probability(e)

    assert (p.low, p.high) == (-math.inf, 0.8)
    assert est.odds(est.probability(3.0)).value == pytest.approx(3.0)
    assert math.isnan(est.probability(math.nan).value)


def test_gt44_p_is_the_coherence_of_two_independent_gradients_under_any_law():
    c, d, n = 0.5, 50, 40_000
    rng = np.random.default_rng(0)
    p = est.probability(c).value

    for draw in (rng.standard_normal, lambda shape: rng.standard_t(5, shape) * math.sqrt(3 / 5)):
        g, other = draw((n, d)), draw((n, d))
        g[:, 0] += math.sqrt(c * d)
        other[:, 0] += math.sqrt(c * d)
        norm2 = (g * g).sum(axis=1)
        assert near((g * other).sum(axis=1) - p * norm2, 0.0)
    g = rng.standard_normal((n, d))
    g[:, 0] += math.sqrt(c * d)
    # Mean squared cosine with μ: near p, and exactly 0.3408621 in 50 dimensions.
    assert near(g[:, 0] ** 2 / (g * g).sum(axis=1), 0.3408621)
    assert p == pytest.approx(1 / 3)


def test_gt30_only_the_measured_direction_holds_for_any_noise():
    c, d, n = 0.04, 100, 60_000
    rng = np.random.default_rng(1)
    mean = np.zeros(d)
    isotropic = est.direction_probability(c, d).value
    assert isotropic == pytest.approx(0.9772499, abs=1e-7)
    assert est.direction_probability(c, method="literal").value == pytest.approx(0.5792597, abs=1e-7)
    assert est.probability(c).value == pytest.approx(0.03846154, abs=1e-8)

    scale = np.ones(d)
    scale[0] = 5.0
    mean[0] = math.sqrt(c * (scale**2).sum())
    anisotropic = est.direction_probability(rng.standard_normal((2000, d)) * scale + mean, method="measured")
    stable = sample_stable(1.5, 0.0, n, seed=2) + 1.0

    # The same C gives 0.977 in white noise, 0.672 where the noise lies along μ, 0.756 with stable noise.
    assert abs(anisotropic.value - 0.6719923) < 5 * math.sqrt(0.22 / 2000)
    assert anisotropic.high < 0.75
    assert near(stable > 0, 0.756342)


@pytest.mark.parametrize(("c", "n", "d"), [(0.2, 200, 5), (1.0, 40, 1)])
def test_the_measured_direction_covers_where_it_is_not_flagged(c, n, d):
    rng, exact = np.random.default_rng(3), est.direction_probability(c, d).value
    hits = []
    for _ in range(500):
        e = est.direction_probability(rng.standard_normal((n, d)) + math.sqrt(c), method="measured")
        if not e.has("noisy_direction"):
            hits.append(e.low <= exact <= e.high)

    # Measured 0.92 to 0.96; five binomial standard errors below the least.
    assert len(hits) > 400
    assert np.mean(hits) > 0.92 - 5 * math.sqrt(0.92 * 0.08 / len(hits))
    few = est.direction_probability(rng.standard_normal((20, 50)) + 0.1, method="measured")
    assert few.has("noisy_direction")


def test_detection_power_is_the_share_of_tests_that_find_the_direction():
    c, d, n = 0.1, 30, 40_000
    rng = np.random.default_rng(4)
    mean = np.full(d, math.sqrt(c))

    along = (rng.standard_normal((n, d)) + mean) @ mean / np.linalg.norm(mean)

    # The one-sided 5% test of the direction in unit white noise: along > 1.6449.
    assert near(along > 1.6448536269514722, est.detection_power(c, d).value)
    assert est.detection_power(0.0, d).value == pytest.approx(0.05)


@settings(deadline=None)
@given(SEEDS)
def test_gt41_the_mahalanobis_ratio_is_the_same_in_all_linear_coordinates(seed):
    rng = np.random.default_rng(seed)
    g = rng.standard_normal((20, 3)) + 0.5
    jacobian = rng.standard_normal((3, 3)) + 2 * np.eye(3)

    one, other = est.mahalanobis_snr(g), est.mahalanobis_snr(g @ jacobian)

    assert other.value == pytest.approx(one.value, rel=1e-5, abs=1e-8)


def test_gt41_the_mahalanobis_ratio_is_unbiased_and_its_interval_covers():
    factor = np.linalg.cholesky(np.array([[2.0, 0.5], [0.5, 1.0]]))
    rng, reps = np.random.default_rng(9), 1000
    found = [est.mahalanobis_snr(rng.standard_normal((12, 2)) @ factor.T + 1) for _ in range(reps)]

    assert near([e.value for e in found], 1.142857)
    # Exact for Gaussian rows: five binomial standard errors.
    hits = np.mean([e.low <= 1.142857 <= e.high for e in found])
    assert abs(hits - 0.95) < 5 * math.sqrt(0.95 * 0.05 / reps)
    assert est.mahalanobis_snr(rng.standard_normal((10, 50))).has("rank_limited")
    assert est.mahalanobis_snr(np.ones((10, 2))).has("zero_noise")


def test_the_pl_constant_of_a_quadratic_is_its_smallest_curvature_along_the_path():
    lam = np.array([2.0, 5.0])
    path = np.array([[1.0, 1.0], [0.5, 0.2], [0.2, 0.0]])
    grad2, loss = ((lam * path) ** 2).sum(axis=1), 0.5 * (lam * path**2).sum(axis=1)

    assert est.pl_constant(grad2, loss, 0.0).value == pytest.approx(2.0)
    assert est.pl_constant(grad2, loss, None).has("minimum_unknown")
    # Noise in |∇L|² drags the smallest single ratio far down; averaged windows keep near 2.
    rng = np.random.default_rng(10)
    noisy = 4.0 + rng.standard_normal(400)
    single = est.pl_constant(noisy, np.ones(400), 0.0).value
    windowed = est.pl_constant(noisy, np.ones(400), 0.0, window=100).value
    assert single < 1.0
    # Four windows of standard error 0.05.
    assert abs(windowed - 2.0) < 0.25
    assert est.pl_constant([1.0], [0.0], 0.0).has("interpolated")


@pytest.mark.parametrize(
    "call",
    [
        lambda: est.direction_probability(0.1),
        lambda: est.direction_probability(0.1, 5, "exact"),
        lambda: est.direction_probability(np.ones((4, 2)), 5),
        lambda: est.direction_probability(est.probability(1.0), method="measured"),
        lambda: est.detection_power(0.1, 0),
        lambda: est.detection_power(0.1, 5, level=0.0),
        lambda: est.mahalanobis_snr(np.ones((3, 2))),
        lambda: est.pl_constant([1.0, 2.0], [1.0], 0.0),
        lambda: est.pl_constant([1.0], [1.0], 0.0, window=2),
    ],
)
def test_wrong_arguments_are_refused(call):
    with pytest.raises(EstimatorError):
        call()
