"""Fractional Gaussian noise has its exact covariance, at every lag."""

import numpy as np
import pytest

from sdesim.errors import SdesimError
from sdesim.io import memory
from sdesim.noise import Fractional, increments
from sdesim.noise.fractional import FractionalPath, circulant_root, covariance
from sdesim.noise.kernel import Drawn


@pytest.mark.parametrize("hurst", [0.3, 0.75])
def test_increments_have_the_covariance_of_fractional_gaussian_noise(hurst):
    dt, n, steps = 0.1, 4_000, 6
    x = increments(Fractional(hurst, 0.5).kernel(1, dt, dt), 1, n, steps, seed=3)[:, :, 0]

    lags = np.subtract.outer(np.arange(steps), np.arange(steps)).astype(float)
    exact = 0.25 * dt ** (2 * hurst) * covariance(hurst, lags)
    # A false alarm in 36 entries: 7e-8.
    np.testing.assert_allclose(x @ x.T / n, exact, atol=6 * exact.max() * np.sqrt(2 / n))


@pytest.mark.parametrize("hurst", [0.05, 0.3, 0.5, 0.75, 0.98])
def test_the_circulant_is_that_of_the_covariance(hurst):
    """No eigenvalue was cut off: the transform back gives the covariance at every lag."""
    m = 64
    root = circulant_root(hurst, m)
    back = np.fft.irfft(root**2 / (2 * m))
    np.testing.assert_allclose(back[: m + 1], covariance(hurst, np.arange(m + 1.0)), atol=1e-13)


def test_the_whole_motion_spreads_as_its_exponent_says():
    n, steps, hurst = 2_000, 64, 0.75
    x = increments(Fractional(hurst, 1.0).kernel(1, 0.01, 0.01), 1, n, steps, seed=5)[:, :, 0]
    assert x.sum(axis=0).var() == pytest.approx(0.64 ** (2 * hurst), rel=6 * np.sqrt(2 / n))


def test_a_run_that_would_not_fit_is_refused_before_its_first_step(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1e6)
    path = FractionalPath(0.5, np.ones(1))
    with pytest.raises(SdesimError, match=r"the paths of fractional noise would take 0\.0016 GB"):
        path._draw(Drawn(0, 0, 0, 2, 1, 100_000))


def test_bad_fields_are_named():
    with pytest.raises(SdesimError, match="hurst"):
        Fractional(1.0, 1.0)
    with pytest.raises(SdesimError, match="scale: found -1"):
        Fractional(0.5, -1.0)
