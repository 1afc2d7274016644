"""Surfaces and noises that schemes run on beside a plain NumPy twin of their update."""

import math

import numpy as np

from sdesim import noise, surfaces
from sdesim.engine import drive

DT, D, S, BETA, FRICTION = 0.05, 0.3, 0.4, 0.8, 1.5
WELL = surfaces.DoubleWell(dim=2, barrier=0.5, tilt=0.1)
BOWL = surfaces.Quadratic([1.0, 2.5], center=0.3)
GAUSSIAN, MULTIPLICATIVE = noise.Gaussian(diffusion=D), noise.Multiplicative(S)
# The two combinations of surface and noise that the twins run on, and the increment ΔN(θ) of given numbers.
ADDITIVE = (WELL, GAUSSIAN, math.sqrt(2 * D * DT), 0.0, lambda x, i: i)
PRODUCT = (BOWL, MULTIPLICATIVE, S * math.sqrt(DT), S**2, lambda x, i: x * i)


def against_twin(case, scheme, twin):
    surface, driving, scale, rate, at = case
    rng = np.random.default_rng(3)
    i, j = scale * rng.standard_normal((2, 20, 5, 2))
    start = rng.standard_normal((5, 2))
    found = drive(surface, [driving], start, i, dt=DT, scheme=scheme, auxiliary=j)

    x, v, expected = start, np.zeros((5, 2)), []
    for n in range(20):
        x, v = twin(x, v, i[n], j[n], surface.grad, at, rate)
        expected.append(x)
    # Twenty steps of a few roundings each.
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
