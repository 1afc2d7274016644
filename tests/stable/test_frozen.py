"""The frozen law: moments as they are, and expectations by quadrature."""

import numpy as np
import pytest

from sdesim import stable
from sdesim.errors import SdesimError


def test_moments_are_infinite_or_undefined_where_the_integral_says_so():
    assert stable(1.5, 0.3, 2.0, 3.0).mean() == 2.0
    assert stable(1.5, 0.3, 2.0, parametrization="S0").mean() == pytest.approx(2.0 + 0.3)
    assert np.isnan(stable(1.0, 0.3).mean())
    assert stable(0.8, -1.0).mean() == -np.inf
    assert stable(1.5).var() == np.inf
    assert stable(2.0, scale=3.0).std() == pytest.approx(3.0 * np.sqrt(2.0))
    assert stable(2.0, loc=1.0, scale=2.0).moment(3) == pytest.approx(1.0 + 3.0 * 8.0)
    assert stable(1.5).moment(2) == np.inf
    assert np.isnan(stable(1.5).moment(3))
    assert stable(1.5, 1.0).moment(3) == np.inf
    assert stable(2.0, 0.0, 1.0, 3.0).stats("mvsk") == (1.0, 18.0, 0.0, 0.0)
    assert np.isnan(stable(1.2).stats("s"))


def test_entropy_of_the_laws_with_a_closed_form():
    assert stable(2.0, scale=3.0).entropy() == pytest.approx(
        0.5 * np.log(2.0 * np.pi * np.e * 18.0), rel=1e-12
    )
    assert stable(1.0, scale=3.0).entropy() == pytest.approx(np.log(12.0 * np.pi), rel=1e-12)
    levy = 0.5 * (1.0 + 3.0 * np.euler_gamma + np.log(16.0 * np.pi))
    assert stable(0.5, 1.0).entropy() == pytest.approx(levy, rel=1e-10)


def test_expectations_of_what_has_a_mean_and_a_refusal_where_there_is_none():
    assert stable(1.5, 0.3, 2.0).expect() == pytest.approx(2.0, rel=1e-10)
    assert stable(1.3, -0.6).expect(np.ones_like) == pytest.approx(1.0, rel=1e-12)
    # The real part of the characteristic function.
    assert stable(2.0).expect(np.cos, -20.0, 20.0) == pytest.approx(np.exp(-1.0), rel=1e-11)
    # Steps and corners anywhere; waves without end are refused.
    assert stable(1.0).expect(lambda x: x > 0.3) == pytest.approx(stable(1.0).sf(0.3), rel=1e-10)
    assert stable(2.0).expect(lambda x: abs(x - 2.0)) == pytest.approx(
        2.0 * np.exp(-1.0) / np.sqrt(np.pi) + 2.0 * (1.0 - 2.0 * stable(2.0).sf(2.0)), rel=1e-11
    )
    with pytest.raises(SdesimError, match="changes too often"):
        stable(2.0).expect(lambda x: np.cos(1e6 * x))
    far = stable(1.3, 0.5, 1e6, 1e-3)
    assert far.expect(np.ones_like) == pytest.approx(1.0, rel=1e-12)
    part = stable(0.7, 0.5)
    assert part.expect(np.ones_like, 1.0, 4.0) == pytest.approx(part.cdf(4.0) - part.cdf(1.0), rel=1e-11)
    assert part.expect(np.ones_like, 1.0, 4.0, conditional=True) == pytest.approx(1.0, rel=1e-11)
    with pytest.raises(SdesimError, match="may not exist"):
        stable(0.7).expect(np.abs)
    with pytest.raises(SdesimError, match="single numbers"):
        stable([0.7, 1.0]).expect()


def test_median_interval_and_support():
    law = stable(1.7, -0.5, 1.0, 2.0)

    low, high = law.interval(0.9)

    assert law.cdf(law.median()) == pytest.approx(0.5, rel=1e-13)
    assert law.cdf(low) == pytest.approx(0.05, rel=1e-12)
    assert law.sf(high) == pytest.approx(0.05, rel=1e-12)
    assert law.support() == (-np.inf, np.inf)
    assert stable(0.5, -1.0, 3.0).support() == (-np.inf, 3.0)
    with pytest.raises(SdesimError, match="confidence must be in"):
        law.interval(1.5)


def test_the_package_is_the_law_and_says_its_parameters():
    assert repr(stable(1.5, 0.5)) == (
        "sdesim.stable(alpha=1.5, beta=0.5, loc=0.0, scale=1.0, parametrization='S1')"
    )
