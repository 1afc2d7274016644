"""Euler and Maruyama's step against its NumPy twin and closed forms."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces
from tests.engine.schemes.twins import ADDITIVE, DT, PRODUCT, against_twin


def euler_maruyama(x, v, i, j, grad, at, rate):
    return x - DT * grad(x) + at(x, i), v


@pytest.mark.parametrize("case", [ADDITIVE, PRODUCT], ids=["additive", "multiplicative"])
def test_a_step_of_euler_maruyama_is_that_of_its_numpy_twin(case):
    against_twin(case, "euler-maruyama", euler_maruyama)


def test_stationary_variance_of_euler_maruyama_on_a_quadratic_matches_the_closed_form():
    rate, diffusion, dt, n = 2.0, 0.5, 0.1, 40_000
    run = sdesim.simulate(
        surfaces.Quadratic(rate), noise.Gaussian(diffusion=diffusion), dt=dt, steps=200, trajectories=n,
        seed=1, save_every=200, progress=False,
    )  # fmt: skip

    # The chain x' = (1 − λ dt) x + √(2D dt) z has variance 2D dt/(1 − (1 − λ dt)²) = D/(λ (1 − λ dt/2)).
    expected = diffusion / (rate * (1 - rate * dt / 2))
    found = run.theta.values[:, -1, 0].var()
    # A sample variance of n normals has relative standard error √(2/n); 5 of them miss with chance 6e-7.
    assert abs(found / expected - 1) < 5 * math.sqrt(2 / n)


def test_stable_noise_on_a_quadratic_has_the_stationary_scale_of_the_chain():
    alpha, sigma, rate, dt, n = 1.5, 0.4, 1.0, 0.1, 40_000
    run = sdesim.simulate(
        surfaces.Quadratic(rate), noise.Stable(alpha, sigma), dt=dt, steps=200, trajectories=n, seed=2,
        save_every=200, progress=False,
    )  # fmt: skip

    # x' = a x + σ dt^{1/α} S is stable with scale^α = σ^α dt/(1 − a^α), a = 1 − λ dt.
    scale = (sigma**alpha * dt / (1 - (1 - rate * dt) ** alpha)) ** (1 / alpha)
    u = 1.0 / scale
    found = np.cos(u * run.theta.values[:, -1, 0]).mean()
    # E cos(uX) = exp(−(scale u)^α) = 1/e; its variance is below ½.
    assert abs(found - math.exp(-1)) < 5 * math.sqrt(0.5 / n)
