"""Draws and characteristic functions that tests of noise share."""

import math

import numpy as np

from sdesim.noise import increments


def cos_z(x, u, exact):
    """z-score of the mean of cos(u·x) against its exact value, E cos² from the sample."""
    c = np.cos(np.asarray(x) @ np.atleast_1d(u)) if np.ndim(x) == 2 else np.cos(u * np.asarray(x))
    return (c.mean() - exact) / (c.std() / math.sqrt(c.size))


def draws(noise, dim, n, dt, seed, stream=0):
    """(n, dim) increments over dt."""
    return increments(noise.kernel(dim, dt, dt), dim, n // 2, 2, seed=seed, stream=stream).reshape(-1, dim)
