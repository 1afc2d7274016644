"""Directions of projections: held for small networks, made block by block for large ones."""

import itertools

import numpy as np
import pytest

from sdesim.runs import projection_directions
from sdesim.runs.directions import SignDirections

# Two whole blocks and a part of a third.
DIM = 2 * 2**16 + 12_345


@pytest.fixture(scope="module")
def signs():
    return projection_directions(DIM)


@pytest.fixture(scope="module")
def written_out(signs):
    return np.asarray(signs)


def test_directions_beyond_the_limit_are_signs_that_take_no_memory(signs):
    assert isinstance(signs, SignDirections)
    assert signs.shape == (16, DIM)
    assert len(signs) == 16


def test_few_coordinates_keep_orthonormal_directions_written_out():
    small = projection_directions(40)

    np.testing.assert_allclose(small @ small.T, np.eye(16), atol=1e-12)


def test_sign_directions_are_signs_of_length_one_and_nearly_orthogonal(written_out):
    np.testing.assert_allclose(np.abs(written_out), 1 / np.sqrt(DIM), rtol=1e-12)
    np.testing.assert_allclose(written_out @ written_out.T, np.eye(16), atol=16 / DIM)


def test_signs_are_independent_of_places_and_of_one_another(written_out):
    signs = written_out * np.sqrt(DIM)

    # A mean of d signs has the standard deviation 1/√d; 5.5 of them for 32 numbers: 1e-6 of false alarms.
    most = 5.5 / np.sqrt(DIM)
    assert np.abs(signs.mean(axis=1)).max() < most
    assert np.abs((signs[:, 1:] * signs[:, :-1]).mean(axis=1)).max() < most


def test_products_are_those_of_the_written_out_directions(signs, written_out):
    vectors = np.random.default_rng(0).standard_normal((2, DIM))

    np.testing.assert_allclose(vectors @ signs.T, vectors @ written_out.T, atol=1e-12)
    np.testing.assert_allclose(signs @ vectors[0], written_out @ vectors[0], atol=1e-12)
    np.testing.assert_array_equal(signs[3], written_out[3])
    np.testing.assert_array_equal(signs[:, [0, 7, 2**16, DIM - 1]], written_out[:, [0, 7, 2**16, DIM - 1]])


def test_sums_of_pieces_add_up_wherever_they_are_cut(signs, written_out):
    vector = np.random.default_rng(1).standard_normal(DIM)
    cuts = [0, 5, 17, 50_003, 2**16 - 1, 2**16 + 2, 2 * 2**16, DIM]

    sums = sum(signs.sums(vector[a:b], a) for a, b in itertools.pairwise(cuts))

    np.testing.assert_allclose(signs.turned(sums), written_out @ vector, atol=1e-12)
