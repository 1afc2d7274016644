"""The stable law's functions against closed forms, Nolan's values and their own invariants."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special

from sdesim import stable
from sdesim.errors import SdesimError

X = np.array([-1e20, -300.0, -4.0, -1.0, -1e-8, 0.0, 1e-8, 0.3, 2.0, 17.0, 1e6, 1e20])
ALPHAS = st.one_of(st.floats(0.1, 2.0), st.sampled_from([0.5, 1.0, 2.0, 1.0 - 1e-9, 1.0 + 1e-6, 2.0 - 1e-9]))
BETAS = st.one_of(st.floats(-1.0, 1.0), st.sampled_from([-1.0, 0.0, 1.0]))
POINTS = st.one_of(st.floats(-30.0, 30.0), st.floats(-1e20, 1e20))


def nolan(name):
    spec = importlib.util.find_spec("scipy.stats")
    path = Path(spec.origin).parent / "tests" / "data" / "levy_stable" / name
    if not path.exists():
        pytest.skip("this installation of scipy ships no test data")
    return np.load(path)


def test_alpha_2_is_the_normal_law_of_variance_2_and_alpha_1_is_cauchys():
    with np.errstate(under="ignore"):
        normal = np.exp(-X * X / 4.0) / np.sqrt(4.0 * np.pi)

    np.testing.assert_allclose(stable.pdf(X, 2.0, 0.7), normal, rtol=1e-14)
    np.testing.assert_allclose(stable.sf(X, 2.0), special.ndtr(-X / np.sqrt(2.0)), rtol=1e-13)
    np.testing.assert_allclose(stable.pdf(X, 1.0), 1.0 / (np.pi * (1.0 + X * X)), rtol=1e-14)
    np.testing.assert_allclose(stable.sf(X, 1.0), np.arctan2(1.0, X) / np.pi, rtol=1e-14)


def test_alpha_one_half_is_levys_law_also_where_it_is_exponentially_small():
    x = np.array([1e-4, 1e-3, 0.01, 0.3, 2.0, 1e6, 1e20])

    law = stable(0.5, 1.0)

    log_density = -0.5 * np.log(2.0 * np.pi) - 1.5 * np.log(x) - 0.5 / x
    # The condition number of the density is 1/(2x), 5000 at the first point.
    np.testing.assert_allclose(law.logpdf(x), log_density, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(law.cdf(x), special.erfc(np.sqrt(0.5 / x)), rtol=1e-12)
    np.testing.assert_allclose(law.sf(x), special.erf(np.sqrt(0.5 / x)), rtol=1e-13)
    assert law.support() == (0.0, np.inf)
    assert law.cdf(0.0) == 0.0
    assert law.pdf(-1.0) == 0.0


@pytest.mark.parametrize(("name", "function"), [("pdf", stable.pdf), ("cdf", stable.cdf)])
def test_values_of_nolans_program_are_met_to_the_digits_that_they_carry(name, function):
    x, value, alpha, beta, share = nolan(f"stable-Z1-{name}-sample-data.npy").T

    found = function(x, alpha, beta)

    # 25 values of the file are off themselves, as more digits say (analysis/stable_reference): at α = 0.1
    # next to x′ = 0 by up to 2e-9; six of the distribution function at α = 1, |β| ≤ 0.3 by 1e-4 to 2.5e-2.
    wrong = (alpha == 1.0) & (np.abs(beta) <= 0.3) & (beta * (share - 0.5) > 0.0)
    wrong &= (np.abs(share - 0.5) == 0.49) & (name == "cdf")
    bound = np.where((alpha == 0.1) & (np.abs(x) < 1e-6), 3e-9, 1e-12)
    off = np.abs(found / value - 1.0)
    assert np.all(off[~wrong] < bound[~wrong])
    assert (off > 1e-12).sum() == (11 if name == "pdf" else 14)
    assert wrong.sum() == (6 if name == "cdf" else 0)


def test_located_and_scaled_values_of_nolans_program_are_met():
    rows = nolan("stable-loc-scale-sample-data.npy")

    for form, number in (("S0", 0), ("S1", 1)):
        r = rows[rows["param"] == number]
        law = stable(r["alpha"], r["beta"], r["delta"], r["gamma"], form)
        # x carries 15 digits: of x′ = x − loc, 1e-8 at α = 0.1 near the peak, there remain 8.
        digits = np.where(r["alpha"] == 0.1, 1e-8, 1e-11)
        assert np.all(np.abs(law.pdf(r["x"]) / r["pdf"] - 1.0) < digits)
        assert np.all(np.abs(law.cdf(r["x"]) / r["cdf"] - 1.0) < digits)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(ALPHAS, BETAS, POINTS)
@example(1.0908977320515933, 0.8053051587190416, 0.0)
def test_mirror_image_and_the_two_tails(alpha, beta, x):
    right = stable.sf(x, alpha, beta, parametrization="S0")
    left = stable.cdf(x, alpha, beta, parametrization="S0")

    assert stable.pdf(x, alpha, beta) == stable.pdf(-x, alpha, -beta)
    assert stable.logsf(x, alpha, beta) == stable.logcdf(-x, alpha, -beta)
    assert right + left == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ALPHAS, BETAS, st.floats(1e-12, 1.0, exclude_max=True))
def test_quantiles_invert_the_distribution(alpha, beta, q):
    law = stable(alpha, beta, parametrization="S0")

    x = law.ppf(q)

    # An ulp of x moves F by x f/F ulps at most (light tails).
    moved = 1.0 + abs(x) * law.pdf(x) / min(q, 1.0 - q)
    assert law.cdf(x) == pytest.approx(q, rel=1e-12 * moved)
    assert law.isf(q) == pytest.approx(
        -stable.ppf(q, alpha, -beta, parametrization="S0"), rel=1e-11, abs=1e-13
    )


def test_scale_and_location_in_both_forms():
    x = np.linspace(-5.0, 7.0, 13)
    shift = 0.4 * np.tan(0.5 * np.pi * 1.3)

    s1 = stable.pdf(x, 1.3, 0.4, 1.5, 2.0)

    np.testing.assert_allclose(s1, stable.pdf((x - 1.5) / 2.0, 1.3, 0.4) / 2.0, rtol=1e-14)
    np.testing.assert_allclose(stable.pdf(x, 1.3, 0.4, 1.5 + 2.0 * shift, 2.0, "S0"), s1, rtol=1e-13)
    # At α = 1 scaling moves an S1 law by (2/π) β c log c.
    moved = 1.5 + 2.0 * 0.4 * 2.0 / np.pi * np.log(2.0)
    np.testing.assert_allclose(
        stable.pdf(x, 1.0, 0.4, 1.5, 2.0), stable.pdf(x, 1.0, 0.4, moved, 2.0, "S0"), rtol=1e-13
    )


def test_arrays_of_everything_broadcast_and_nan_passes_through():
    x = np.array([[-1.0], [np.nan]])
    alpha = np.array([0.7, 1.0, 2.0])

    values = stable.pdf(x, alpha, 0.2, [0.0, 1.0, 2.0], 3.0)

    assert values.shape == (2, 3)
    assert values[0, 1] == stable.pdf(-1.0, 1.0, 0.2, 1.0, 3.0)
    assert np.isnan(values[1]).all()
    assert np.isnan(stable.ppf([np.nan, -0.1, 1.1], 1.5)).all()
    assert stable.ppf([0.0, 1.0], 0.5, 1.0, 3.0).tolist() == [3.0, np.inf]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"alpha": 2.5}, r"alpha must be in \(0, 2\], got 2.5"),
        ({"alpha": [1.0, 0.0]}, r"alpha must be in \(0, 2\], got 0"),
        ({"alpha": np.nan}, r"alpha must be in \(0, 2\], got nan"),
        ({"alpha": 1.5, "beta": -1.1}, r"beta must be in \[-1, 1\], got -1.1"),
        ({"alpha": 1.5, "scale": 0.0}, "scale must be a finite number above 0, got 0"),
        ({"alpha": 1.5, "loc": np.inf}, "loc must be a finite number, got inf"),
        ({"alpha": 1.5, "parametrization": "S2"}, "parametrization must be one of S1, S0, got 'S2'"),
        ({"alpha": "x"}, "alpha must be a number or an array of numbers, got 'x'"),
        ({"alpha": [1.0, 1.5], "beta": [0.0, 0.1, 0.2]}, "must broadcast"),
        ({"alpha": [1.0, 1.5], "x": [0.0, 0.1, 0.2]}, "does not broadcast"),
    ],
)
def test_bad_arguments_are_told_in_one_line(arguments, words):
    with pytest.raises(SdesimError, match=words) as error:
        stable.pdf(**{"x": 0.0, **arguments})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("beta", [-0.5, 0.0, 1.0])
def test_far_tails_follow_their_asymptote_where_the_number_itself_still_has_digits_and_beyond(beta):
    alpha, x = 1.5, np.array([1e20, 1e250])
    share = (1.0 + beta) * special.gamma(alpha) * np.sin(0.5 * np.pi * alpha) / np.pi

    np.testing.assert_allclose(stable.logsf(x, alpha, beta), np.log(share) - alpha * np.log(x), rtol=1e-15)
    log_density = np.log(alpha * share) - (alpha + 1.0) * np.log(x)
    np.testing.assert_allclose(stable.logpdf(x, alpha, beta), log_density, rtol=1e-15)


def test_a_tail_that_other_packages_have_lost():
    # Two terms of the asymptotic series, the third is 1e-8 of the first.
    first = special.gamma(1.5) * np.sin(0.75 * np.pi) / np.pi * 500.0**-1.5
    second = -special.gamma(3.0) * np.sin(1.5 * np.pi) / (2.0 * np.pi) * 500.0**-3.0

    assert stable.sf(500.0, 1.5) == pytest.approx(first + second, rel=3e-8)
    assert stable.sf(500.0, 1.5) == pytest.approx(1.78e-5, rel=3e-3)
