"""Draws of the stable law."""

import math

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import sample_stable


@pytest.mark.parametrize(
    ("alpha", "skew", "parametrization", "q25", "q90"),
    [
        (0.8, 0.0, "S1", -1.045535, 4.343949),
        (0.8, 0.5, "S1", 0.9849881, 9.578089),
        (0.8, 0.5, "S0", -0.5538537, 8.039248),
        (1.0, 0.0, "S1", -1.0, 3.077684),
        (1.0, 0.5, "S1", -0.6286864, 5.006387),
        (1.5, 0.0, "S1", -0.9689332, 2.061463),
        (1.5, 0.5, "S1", -1.283314, 2.082318),
        (1.5, 0.5, "S0", -0.7833136, 2.582318),
        (1.9, 0.5, "S1", -0.993563, 1.843258),
        (1.9, 0.5, "S0", -0.9143708, 1.92245),
        (2.0, 0.5, "S1", -0.9538726, 1.812388),
    ],
)
def test_gt14_share_of_stable_draws_below_exact_quantiles(alpha, skew, parametrization, q25, q90):
    n = 400_000

    x = sample_stable(alpha, skew, n, seed=14, parametrization=parametrization)

    # The share below a quantile p has standard error √(p(1−p)/n).
    for quantile, p in ((q25, 0.25), (q90, 0.9)):
        assert abs(np.mean(x < quantile) - p) < 4 * math.sqrt(p * (1 - p) / n)


def test_totally_skewed_draws_below_alpha_1_are_positive_in_s1():
    x = sample_stable(0.5, 1.0, 100_000, seed=3)

    # S₀.₅(1, 1) is the Lévy law: P(X < x) = erfc(1/√(2x)).
    p = math.erfc(1 / math.sqrt(2))
    assert np.all(x > -1e-15)
    assert abs(np.mean(x < 1.0) - p) < 4 * math.sqrt(p * (1 - p) / x.size)


def test_s1_and_s0_differ_by_the_shift_beta_tan():
    for alpha in (0.8, 1.5):
        s1 = sample_stable(alpha, 0.5, 1000, seed=9, scale=2.0, loc=0.3)
        s0 = sample_stable(alpha, 0.5, 1000, seed=9, scale=2.0, loc=0.3, parametrization="S0")

        np.testing.assert_allclose(s1 - s0, 2.0 * 0.5 * math.tan(math.pi * alpha / 2), atol=1e-9)
    s1 = sample_stable(1.0, 0.5, 1000, seed=9, scale=2.0)
    s0 = sample_stable(1.0, 0.5, 1000, seed=9, scale=2.0, parametrization="S0")
    np.testing.assert_allclose(s1 - s0, (2 / math.pi) * 0.5 * 2.0 * math.log(2.0), atol=1e-9)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sample_stable(1.5, 0.0, 3, 0, sampler="pinv"), "sampler must be one of"),
        (
            lambda: sample_stable(1.5, 0.0, 3, 0, parametrization="S2"),
            "parametrization must be one of S1, S0",
        ),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
