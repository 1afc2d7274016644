"""Tr KΣ from products with K: exact where little is asked, unbiased with a right error elsewhere."""

import numpy as np
import pytest
from scipy.stats import binom

from sdesim.estimators.core.covariance import DiagonalCovariance, FactorCovariance
from sdesim.estimators.curvature.factored_trace import FactoredTrace

DIM = 120
RNG = np.random.default_rng(3)
# A few large eigenvalues and a long tail of both signs, as Hessians of networks have.
BASIS = np.linalg.qr(RNG.standard_normal((DIM, DIM)))[0]
HESSIAN = (BASIS * np.concatenate([[40.0, 20.0, 10.0], 0.5 * RNG.standard_normal(DIM - 3)])) @ BASIS.T


def product(v):
    return v @ HESSIAN


@pytest.mark.parametrize("rank", [4, 64])
def test_of_few_columns_the_trace_is_exact(rank):
    factor = RNG.standard_normal((DIM, rank))

    found = FactoredTrace(product, FactorCovariance(factor), np.random.default_rng(0))
    found.more(16)

    assert found.value == pytest.approx(np.trace(HESSIAN @ factor @ factor.T), rel=1e-12)
    assert (found.exact, found.error, found.half_width(), found.draws) == (True, 0.0, 0.0, 0)


def test_of_few_coordinates_it_is_exact_whatever_the_columns():
    factor, small = RNG.standard_normal((6, 300)), HESSIAN[:6, :6]

    found = FactoredTrace(lambda v: v @ small, FactorCovariance(factor), np.random.default_rng(0))

    assert found.exact
    assert found.value == pytest.approx(np.trace(small @ factor @ factor.T), rel=1e-12)


def test_interval_holds_the_trace_and_large_eigenvalues_leave_no_error():
    scale = RNG.random(DIM) + 0.5
    truth = float(np.trace(HESSIAN * scale[:, None] * scale))
    inside, errors, trials = 0, [], 300
    for seed in range(trials):
        found = FactoredTrace(product, DiagonalCovariance(scale), np.random.default_rng(seed))
        found.more(24)
        errors.append(found.value - truth)
        inside += abs(found.value - truth) <= found.half_width()

    # Of 95% intervals fewer than this hold with a chance of 1e-6.
    assert inside >= binom.ppf(1e-6, trials, 0.95)
    # Plain random signs would leave √(2 Σλ²/24) of the whole spectrum.
    matrix = HESSIAN * scale[:, None] * scale
    assert np.std(errors) < 0.3 * np.sqrt(2 * ((matrix**2).sum() - (np.diag(matrix) ** 2).sum()) / 24)
    assert abs(np.mean(errors)) < 5 * np.std(errors) / np.sqrt(trials)


def test_going_on_keeps_the_draws_there_are():
    covariance = DiagonalCovariance(np.ones(DIM))
    at_once, later = (FactoredTrace(product, covariance, np.random.default_rng(1)) for _ in range(2))

    at_once.more(32)
    later.more(8)
    later.more(32)

    assert (later.draws, later.value, later.error) == (32, at_once.value, at_once.error)
    assert np.isnan(FactoredTrace(product, covariance, np.random.default_rng(1)).value)


def test_products_that_are_right_on_average_leave_the_value_unbiased_and_its_error_right():
    scale = RNG.random(DIM) + 0.5
    truth = float(np.trace(HESSIAN * scale[:, None] * scale))
    inside, found, trials = 0, [], 300
    for seed in range(trials):
        rng = np.random.default_rng(seed)

        def shared(v, rng=rng):
            # Eight shares of the Hessian that make up the whole, each row meets another one.
            return rng.permutation(np.arange(len(v)) / (0.5 * (len(v) - 1)))[:, None] * (v @ HESSIAN)

        trace = FactoredTrace(product, DiagonalCovariance(scale), rng, shared)
        trace.more(24)
        found.append(trace.value)
        inside += abs(trace.value - truth) <= trace.half_width()

    # Of 95% intervals fewer than this hold with a chance of 1e-6.
    assert inside >= binom.ppf(1e-6, trials, 0.95)
    assert abs(np.mean(found) - truth) < 5 * np.std(found) / np.sqrt(trials)
