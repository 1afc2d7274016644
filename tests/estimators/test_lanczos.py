"""Lanczos against dense algebra: the tridiagonal matrix, its residuals, and where it stops."""

import numpy as np
import pytest

from sdesim.estimators.curvature.lanczos import lanczos_steps, outer_ritz, ritz


def symmetric(n=8, seed=0):
    a = np.random.default_rng(seed).standard_normal((n, n))
    return a + a.T


def counted(a):
    calls = []

    def hvp(v):
        calls.append(1)
        return a @ v

    return hvp, calls


def test_all_steps_give_a_tridiagonal_matrix_with_the_spectrum():
    a, start = symmetric(), np.random.default_rng(1).standard_normal(8)

    *_, (alphas, betas) = lanczos_steps(lambda v: a @ v, start, 100)
    found = ritz(alphas, betas)

    values, vectors = np.linalg.eigh(a)
    assert found.iterations == 8
    np.testing.assert_allclose(found.values, values, rtol=0, atol=1e-12)
    # A Ritz vector's first component is its eigenvector's share of the start.
    np.testing.assert_allclose(found.weights, (vectors.T @ start) ** 2 / (start @ start), rtol=1e-9)
    assert found.scale == pytest.approx(np.abs(values).max())


def test_residuals_are_those_of_the_ritz_vectors():
    a, start = symmetric(), np.random.default_rng(2).standard_normal(8)

    *_, (alphas, betas) = lanczos_steps(lambda v: a @ v, start, 4)
    found = ritz(alphas, betas)

    # Rayleigh and Ritz on the Krylov space, by a QR factorisation.
    krylov = np.linalg.qr(np.stack([np.linalg.matrix_power(a, k) @ start for k in range(4)], axis=1))[0]
    values, vectors = np.linalg.eigh(krylov.T @ a @ krylov)
    lifted = krylov @ vectors
    np.testing.assert_allclose(found.values, values, rtol=1e-9)
    np.testing.assert_allclose(
        found.residuals, np.linalg.norm(a @ lifted - lifted * values, axis=0), rtol=1e-7
    )


def test_a_start_in_an_invariant_space_ends_after_its_dimension():
    hvp, calls = counted(np.diag([1.0, 2.0, 5.0, 7.0]))

    found = outer_ritz(hvp, np.array([1.0, 0.0, 1.0, 0.0]), 2, 1e-10, 100)

    assert len(calls) == 2
    np.testing.assert_allclose(found.values, [1, 5], rtol=1e-14)
    np.testing.assert_allclose(found.weights, [0.5, 0.5], rtol=1e-14)


def test_the_top_alone_needs_no_more_products_than_both_ends():
    values = np.concatenate([np.linspace(0, 1, 300), [10.0]])
    start = np.random.default_rng(3).standard_normal(301)
    top, few = counted(np.diag(values))
    both, more = counted(np.diag(values))

    one, other = outer_ritz(top, start, 1, 1e-8, 200, ends="top"), outer_ritz(both, start, 1, 1e-8, 200)

    assert len(few) < len(more) < 200
    for found in (one, other):
        assert found.values[-1] == pytest.approx(10, rel=1e-12)
        assert found.residuals[-1] <= 1e-8 * 10
    assert other.residuals[0] <= 1e-8 * 10


def test_products_that_are_not_finite_end_it():
    found = outer_ritz(lambda v: v * np.nan, np.ones(3), 1, 1e-6, 10)

    assert found.iterations == 1
    assert not found.finite
    assert np.isinf(found.residuals).all()
