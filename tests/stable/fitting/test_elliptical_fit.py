"""Fits of elliptical stable laws."""

import numpy as np
import pytest

from sdesim import stable
from sdesim.errors import EstimatorError

LAW = stable.multivariate(1.5, [[2.0, 0.5], [0.5, 1.0]], [1.0, -1.0])
X = LAW.rvs(1000, seed=1)


def test_parameters_are_found_within_five_standard_errors():
    fit = stable.fit_multivariate(X)

    assert abs(fit.alpha.value - 1.5) < 5 * (fit.alpha.high - fit.alpha.low) / 3.92
    assert (np.abs(fit.shape.value - LAW.shape) < 5 * (fit.shape.high - fit.shape.low) / 3.92).all()
    assert (np.abs(fit.loc.value - LAW.loc) < 5 * (fit.loc.high - fit.loc.low) / 3.92).all()
    assert fit.flags == ()
    assert fit.log_likelihood == pytest.approx(float(fit.law.logpdf(X).sum()), abs=1e-6)
    assert fit.log_likelihood > float(LAW.logpdf(X).sum())
    assert repr(fit).startswith("<EllipticalFit of 1,000 vectors, dim 2: alpha=1.5")
    assert "shape[1, 0]" in fit._repr_html_()


def test_gaussian_vectors_give_their_moments():
    x = np.append(np.random.default_rng(0).standard_normal((400, 2)), [[np.nan, 0.0]], axis=0)

    fit = stable.fit_multivariate(x)

    assert fit.alpha.high == 2.0
    assert fit.alpha.low > 1.9
    assert {"near_2", "missing_values"} <= set(fit.flags)
    assert fit.missing == 1
    # α lies within 0.01 of 2, which moves both by less than that.
    np.testing.assert_allclose(fit.loc.value, x[:-1].mean(axis=0), atol=0.01)
    np.testing.assert_allclose(2 * fit.shape.value, np.cov(x[:-1].T, bias=True), atol=0.02)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (X[:, 0], "x: found shape (1000,), allowed: (n, d)"),
        (X[:5], "x: found 5 vectors, allowed: 10 and more for d = 2"),
        (X[:, [0, 0]], "x: found vectors within a plane, allowed: vectors that span the space"),
    ],
)
def test_what_is_no_sample_is_told_in_one_line(x, says):
    with pytest.raises(EstimatorError) as caught:
        stable.fit_multivariate(x)

    assert str(caught.value) == says
