"""The largest eigenvalue from four vectors, against spectra that are known."""

import weakref

import numpy as np
import pytest

from sdesim.estimators.curvature.restarted import BASIS, top_pair_restarted

BULK = np.linspace(-0.7, 1, 992) ** 3
SPECTRA = {
    "outliers": np.concatenate([BULK, [1.5, 2, 2.5, 3, 4, 5, 7, 10]]),
    "close to one another": np.concatenate([BULK, [1.5, 2, 2.5, 3, 4, 5, 9, 10]]),
    "decay": 1 / np.arange(1, 1001.0) ** 0.7,
    "below zero": np.concatenate([np.linspace(-9, -2, 999), [-0.5]]),
    "largest size below zero": np.concatenate([[-30.0], np.linspace(-1, 2, 998), [3]]),
}


class Counted(np.ndarray):
    """An array to which weak references can be made."""


@pytest.mark.parametrize("name", SPECTRA)
def test_largest_eigenvalue_lies_within_the_residual(name):
    spectrum = SPECTRA[name]
    start = np.random.default_rng(0).standard_normal(len(spectrum))

    found = top_pair_restarted(lambda v: spectrum * v, start, tol=1e-4, most=300)

    assert found.residual <= 1e-4 * abs(found.value)
    assert abs(found.value - spectrum.max()) <= found.residual + 1e-12
    np.testing.assert_allclose(np.linalg.norm(found.vector), 1, rtol=1e-10)
    error = np.linalg.norm(spectrum * found.vector - found.value * found.vector)
    np.testing.assert_allclose(error, found.residual, rtol=1e-5, atol=1e-9)


def test_eigenvalues_apart_take_few_products_and_a_warm_start_fewer():
    spectrum, rng = SPECTRA["outliers"], np.random.default_rng(1)

    cold = top_pair_restarted(lambda v: spectrum * v, rng.standard_normal(1000), tol=1e-3, most=40)
    # Turned by a tenth, as the top eigenvector may be between two readings.
    aside = cold.vector + 0.1 / np.sqrt(1000) * rng.standard_normal(1000)
    warm = top_pair_restarted(lambda v: spectrum * v, aside, tol=1e-3, most=40)

    assert cold.products <= 12
    assert warm.products <= 6


def test_no_more_than_four_vectors_are_alive():
    spectrum, made, alive = SPECTRA["close to one another"], [], []

    def product(v):
        # Those that are held while another one is made.
        alive.append(sum(ref() is not None for ref in made))
        vector = (spectrum * v).view(Counted)
        made.append(weakref.ref(vector))
        return vector

    top_pair_restarted(product, np.ones(1000), tol=1e-6, most=60)

    # The start takes the place of one of the first basis.
    assert len(made) > 10
    assert max(alive) <= BASIS


def test_products_that_run_out_stop_at_the_limit_with_their_residual():
    spectrum = np.linspace(-1, 1, 1000)

    found = top_pair_restarted(lambda v: spectrum * v, np.ones(1000), tol=1e-8, most=7)

    assert found.products == 7
    assert found.value < 1
    assert found.residual > 1e-8


def test_an_exhausted_space_and_products_without_numbers_end_it():
    one = top_pair_restarted(lambda v: 2.0 * v, np.ones(5), tol=1e-12, most=10)
    none = top_pair_restarted(lambda v: np.nan * v, np.ones(5), tol=1e-12, most=10)

    assert one.value == pytest.approx(2)
    assert one.products == 1
    assert np.isnan(none.value)
    assert none.residual == np.inf


def test_single_precision_stays_single():
    spectrum = SPECTRA["outliers"].astype(np.float32)

    found = top_pair_restarted(lambda v: spectrum * v, np.ones(1000, dtype=np.float32), tol=1e-3, most=40)

    assert found.vector.dtype == np.float32
    assert found.value == pytest.approx(10, rel=1e-3)
