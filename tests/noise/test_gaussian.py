"""Gaussian noise: covariance, and what D may be."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.noise import Gaussian
from tests.noise.drawing import draws


@pytest.mark.parametrize(
    "noise",
    [
        Gaussian([[0.5, 0.2], [0.2, 0.4]]),
        Gaussian(factor=[[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]]),
        Gaussian(factor=[[1.0], [2.0]]),
        Gaussian([[1.0, 1.0], [1.0, 1.0]]),
        Gaussian([0.1, 0.7]),
        Gaussian(0.3),
    ],
)
def test_covariance_of_gaussian_increments_is_2_d_dt(noise):
    n, dt = 100_000, 0.5
    root = noise._root if noise._root is not None else np.diag(np.broadcast_to(np.sqrt(noise._diagonal), 2))
    exact = 2 * dt * root @ root.T

    x = draws(noise, 2, n, dt, 8)

    # Var of a covariance entry of n Gaussian draws: (Σ_ij² + Σ_ii Σ_jj)/n.
    error = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / n)
    assert np.all(np.abs(x.T @ x / n - exact) < 4 * error)
    assert noise.trace(2) == pytest.approx(np.trace(exact) / (2 * dt))
    g = noise.gradient_noise(np.zeros(2), 0.1, n, np.random.default_rng(0))
    scale = 1 / (dt * 0.1)
    assert np.all(np.abs(g.T @ g / n - exact * scale) < 4 * error * scale)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Gaussian(), "give exactly one of diffusion, factor"),
        (lambda: Gaussian(-1.0), "diffusion: found -1, allowed: numbers of at least 0"),
        (lambda: Gaussian([[1.0, 2.0], [2.0, 1.0]]), "positive semidefinite"),
        (lambda: Gaussian([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (lambda: Gaussian([1.0, 2.0]).validate(3), "diffusion is for 2 coordinates"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
