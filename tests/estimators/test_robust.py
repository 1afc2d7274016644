"""C under heavy tails."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim import estimators as est
from sdesim.errors import EstimatorError
from sdesim.noise import sample_stable

ROBUST = ["median-of-means", "scale", "alpha-moment"]


@pytest.mark.parametrize("method", ROBUST)
def test_robust_forms_are_c_for_gaussian_noise(method):
    rng, reps, c = np.random.default_rng(0), 100, 0.3
    found = [
        est.consolidation_ratio(rng.standard_normal((32, 40)) + math.sqrt(c), method).value
        for _ in range(reps)
    ]

    # Five standard errors, and 3% for the bias of a ratio.
    assert abs(np.mean(found) - c) < 5 * np.std(found) / math.sqrt(reps) + 0.03 * c


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_robust_forms_do_not_depend_on_the_scale(seed, scale):
    g = np.random.default_rng(seed).standard_normal((16, 5)) + 0.5

    for method in ROBUST:
        one, other = est.consolidation_ratio(g, method), est.consolidation_ratio(scale * g, method)
        assert other.value == pytest.approx(one.value, rel=1e-6, abs=1e-9)


def test_the_alpha_moment_form_is_invariant_under_rotation():
    rng = np.random.default_rng(1)
    g = rng.standard_t(2, (16, 6)) + 0.5
    q = np.linalg.qr(rng.standard_normal((6, 6)))[0]

    one, other = (est.consolidation_ratio(x, "alpha-moment") for x in (g, g @ q))

    assert other.value == pytest.approx(one.value, rel=1e-8)
    assert (other.low, other.high) == pytest.approx((one.low, one.high), rel=1e-6)


def test_gt42_without_a_variance_c_falls_with_n_and_scale_based_c_stays():
    alpha, mean, sizes = 1.5, 3.0, (16, 1024)
    found = {m: [] for m in ("literal", "scale", "alpha-moment")}
    for n in sizes:
        draws = sample_stable(alpha, 0.0, (60 if n > 100 else 200, n, 1), seed=n) + mean
        for m in found:
            use = draws[:30, :64] if m == "alpha-moment" else draws
            found[m].append(np.median([est.consolidation_ratio(g, m).value for g in use[:100]]))

    # Slope of log C over log n: −(2/α − 1) = −1/3 against 0. The spread of a median of 60 is about 10%.
    slope = {m: math.log(found[m][1] / found[m][0]) / math.log(64) for m in ("literal", "scale")}
    assert -0.48 < slope["literal"] < -0.22
    assert abs(slope["scale"]) < 0.06
    # From n = 16 to 64, where the literal form loses 37%; medians of 100 and 30 have a spread of 5% and 8%.
    assert abs(math.log(found["alpha-moment"][1] / found["alpha-moment"][0])) < 0.45
    # 2γ² = 2 for unit scale: C = 9/2, up to the 7% between the quartiles of α = 1.5 and of a Gaussian.
    assert abs(found["scale"][1] - 4.5) < 0.15 * 4.5


def test_an_infinite_variance_is_flagged_and_a_finite_one_is_not():
    heavy = sample_stable(1.5, 0.0, (50, 200, 20), seed=1)
    gaussian = np.random.default_rng(2).standard_normal((200, 20, 3)) * [5.0, 1.0, 0.1]
    name = "heavy_tail_variance_undefined"

    assert np.mean([est.consolidation_ratio(g).has(name) for g in heavy]) > 0.8
    # False alarms at most 0.1%: three or more in 200 have probability 1e-3 of that bound, 0.
    assert sum(est.consolidation_ratio(g).has(name) for g in gaussian) <= 3
    told = est.tail_index(heavy[0][:, :2])
    assert est.consolidation_ratio(gaussian[0], tails=told).has(name)
    assert not est.consolidation_ratio(
        gaussian[0], tails=est.tail_index(gaussian[:10].reshape(200, 3)[:, :2])
    ).has(name)


def test_one_wild_draw_moves_the_plain_form_and_not_those_with_medians():
    g = np.random.default_rng(3).standard_normal((64, 10)) + 0.5
    wild = g.copy()
    wild[5] = 1e6

    assert est.consolidation_ratio(wild).has("heavy_tail_variance_undefined")
    for method in ("median-of-means", "scale"):
        one, other = est.consolidation_ratio(g, method).value, est.consolidation_ratio(wild, method).value
        assert abs(other / one - 1) < 0.25
    assert abs(est.consolidation_ratio(wild).value / est.consolidation_ratio(g).value - 1) > 0.5


def test_wrong_robust_arguments_are_refused():
    with pytest.raises(EstimatorError, match="at least 8"):
        est.consolidation_ratio(np.ones((5, 2)), "scale")
    assert est.consolidation_ratio(np.full((9, 2), np.nan), "scale").has("nonfinite")
    assert est.consolidation_ratio(np.ones((9, 2)), "scale").has("zero_noise")
