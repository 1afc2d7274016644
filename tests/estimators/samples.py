"""Samples, sets of known dimension and bounds that several of these tests share."""

import math

import numpy as np

from sdesim.estimators.tails.symmetric import symmetric_draws
from sdesim.noise import sample_stable


def near(values, exact):
    """Within five standard errors of the mean (a chance of 6e-7 to fail)."""
    return abs(np.mean(values) - exact) < 5 * np.std(values) / math.sqrt(len(values))


def path(alpha, n, d, seed):
    return np.cumsum(symmetric_draws(alpha, (n, d), np.random.default_rng(seed)), axis=0)


def cantor(levels):
    points = np.zeros(1)
    for k in range(1, levels + 1):
        points = np.concatenate([points, points + 2 / 3**k])
    return np.sort(points)[:, None]


def sierpinski(bits):
    i, j = np.meshgrid(np.arange(2**bits), np.arange(2**bits))
    return np.argwhere((i & j) == 0).astype(float)


def stable(alpha, shape, seed, skew=0.0):
    return sample_stable(alpha, skew, math.prod(shape), seed=seed).reshape(shape)
