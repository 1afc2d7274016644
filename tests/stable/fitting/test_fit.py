"""Fits of the stable law."""

import json

import numpy as np
import pytest

from sdesim import stable
from sdesim.errors import EstimatorError
from sdesim.noise import sample_stable


def sample(alpha, beta, n, seed=0, scale=2.0, loc=-3.0):
    return sample_stable(alpha, beta, n, seed, scale=scale, loc=loc, parametrization="S0", method="cms")


SKEWED = sample(1.5, 0.5, 5000)
FIT = stable.fit(SKEWED, parametrization="S0")


@pytest.mark.parametrize("method", ["mle", "ecf", "mcculloch"])
def test_parameters_are_found_within_five_standard_errors(method):
    fit = stable.fit(SKEWED, method, parametrization="S0", goodness=None)

    # 6e-7 a value under normal errors.
    for e, truth in zip(fit, (1.5, 0.5, 2.0, -3.0), strict=True):
        assert abs(e.value - truth) < 5 * (e.high - e.low) / 3.92
    assert fit.method == method
    assert str(fit.goodness) == "not asked for"


@pytest.mark.parametrize(
    ("alpha", "beta", "method"), [(1.0, -0.6, "mle"), (1.5, 0.5, "ecf"), (1.0, -0.6, "mcculloch")]
)
def test_the_fit_of_the_mirror_image_is_the_mirror_image_to_the_last_bit(alpha, beta, method):
    x = sample(alpha, beta, 300)
    fits = [stable.fit(s * x, method, goodness=None) for s in (1, -1)]
    turn = np.array([1.0, -1.0, 1.0, -1.0])

    assert (fits[0].alpha, fits[0].scale) == (fits[1].alpha, fits[1].scale)
    for one, other in ((fits[0].beta, fits[1].beta), (fits[0].loc, fits[1].loc)):
        assert (one.value, one.low, one.high) == (-other.value, -other.high, -other.low)
        assert one.flags == other.flags
    assert np.array_equal(fits[0].covariance, fits[1].covariance * np.outer(turn, turn))
    assert np.array_equal(fits[0].sample, -fits[1].sample[::-1])


def test_the_likelihood_is_that_of_the_law_and_no_other_nearby_is_larger():
    value = float(FIT.law.logpdf(SKEWED).sum())
    others = [
        float(stable(1.5 + a, 0.5 + b, -3.0, 2.0 + c, "S0").logpdf(SKEWED).sum())
        for a, b, c in ((0, 0, 0), (0.02, 0, 0), (0, 0.05, 0), (0, 0, 0.03))
    ]

    assert FIT.log_likelihood == pytest.approx(value, abs=0.02)
    assert value > max(others)


def test_both_parametrizations_are_the_same_law():
    s1 = stable.fit(SKEWED, goodness=None)
    x = np.array([-10.0, 0.0, 4.0])

    np.testing.assert_allclose(s1.law.pdf(x), FIT.law.pdf(x), rtol=1e-9)
    assert s1.parametrization == "S1"
    assert s1.loc.low < -3.0 - 0.5 * 2.0 * np.tan(0.75 * np.pi) < s1.loc.high


def test_gaussian_data_lie_at_the_end_and_say_so():
    fit = stable.fit(2.0 * np.random.default_rng(0).standard_normal(2000))

    assert (fit.alpha.value, fit.alpha.high) == (2.0, 2.0)
    assert fit.alpha.has("at_boundary")
    assert fit.alpha.has("near_2")
    assert (fit.beta.value, fit.beta.low, fit.beta.high) == (0.0, -1.0, 1.0)
    assert fit.beta.has("beta_not_identified")
    # σ √2 is the standard deviation; five standard errors of it.
    assert abs(fit.scale.value - np.sqrt(2.0)) < 5 * np.sqrt(2.0) / np.sqrt(4000)
    assert np.isnan(fit.covariance[0]).all()


def test_a_law_that_is_not_stable_is_refuted():
    x = np.random.default_rng(0).exponential(size=2000)

    fit = stable.fit(np.concatenate([x, -x - 2.0]), goodness="asymptotic")

    assert fit.goodness.p_value < 1e-3
    assert fit.alpha.has("not_stable")
    assert FIT.goodness.p_value > 1e-3
    assert not FIT.alpha.has("not_stable")


def test_the_bootstrap_agrees_with_the_law_for_large_samples():
    quick = stable.fit(SKEWED[:100])
    found = quick.bootstrap(19, seed=1)

    assert found.method == "bootstrap"
    assert found.statistic == quick.goodness.statistic
    # Of 19: within five standard errors 0.5/√19 of a share.
    assert abs(found.p_value - quick.goodness.p_value) < 0.58


def test_missing_dependent_and_few_are_flagged_and_locations_near_one():
    few = stable.fit(np.append(sample(1.0, 0.5, 100), np.nan), "mcculloch", goodness=None)

    assert few.missing == 1
    assert few.loc.has("missing_values")
    assert few.scale.has("too_few_samples")
    assert few.loc.has("loc_ill_conditioned")
    assert stable.fit(np.sort(SKEWED), "mcculloch", goodness=None).alpha.has("dependent_data")
    assert FIT.flags == ()


def test_it_is_short_in_print_and_whole_as_a_table():
    assert repr(FIT).startswith(f"<StableFit of 5,000 values (mle, S0): alpha={FIT.alpha.value:.4g} [")
    assert len(repr(FIT)) < 300
    assert "Goodness of fit: A²" in FIT._repr_html_()
    assert list(FIT.to_table().index) == ["alpha", "beta", "scale", "loc"]
    assert json.loads(json.dumps(FIT.to_dict()))["n"] == 5000


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"method": "ml"}, "method must be one of mle, ecf, mcculloch, got 'ml'"),
        ({"level": 1.0}, "level must be between 0 and 1, got 1.0"),
        ({"parametrization": "S2"}, "parametrization must be one of S1, S0, got 'S2'"),
        ({"goodness": "ks"}, "goodness must be one of asymptotic, bootstrap, None, got 'ks'"),
        ({"draws": 5}, "draws must be at least 19, got 5"),
    ],
)
def test_what_is_not_known_is_told_in_one_line(options, says):
    with pytest.raises(EstimatorError) as caught:
        stable.fit(SKEWED, **options)

    assert str(caught.value) == says
