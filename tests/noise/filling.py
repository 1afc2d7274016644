"""Noises of every kind, and what their compiled functions fill."""

from importlib import import_module

import numpy as np

from sdesim.noise import Gaussian, Minibatch, NoiseKernel, Stable
from sdesim.surfaces import SurfaceKernel


class Examples:
    """A surface of 40 examples in 3 coordinates, as far as the noise looks at it."""

    dim = 3
    vectors = np.random.default_rng(0).standard_normal((40, 3))

    def kernel(self):
        return SurfaceKernel("", "", "", np.zeros(0), weighted_grad="w", examples=40)

    def example_gradients(self, theta, indices):
        return self.vectors[indices]


CASES = {
    "gaussian-scalar": (Gaussian(0.3), 5),
    "gaussian-diagonal": (Gaussian([0.1, 0.2, 0.3]), 3),
    "gaussian-full": (Gaussian([[0.5, 0.2], [0.2, 0.4]]), 2),
    "gaussian-factor": (Gaussian(factor=np.arange(6.0).reshape(3, 2)), 3),
    "stable": (Stable(1.5, 0.2), 5),
    "stable-skewed": (Stable(1.0, 0.2, skew=0.7), 5),
    "stable-clipped": (Stable(0.9, 0.2, skew=-1.0, truncation=0.5), 5),
    "stable-rejected": (Stable(1.2, [0.2, 0.1], truncation=0.1, rule="reject"), 2),
    "isotropic": (Stable(1.5, 0.2, structure="isotropic"), 5),
    "isotropic-clipped": (Stable(1.5, 0.2, structure="isotropic", truncation=0.1), 5),
    "isotropic-rejected": (Stable(1.5, 0.2, structure="isotropic", truncation=0.1, rule="reject"), 5),
    "cms": (Stable(1.5, 0.2, sampler="cms"), 5),
    "cms-skewed": (Stable(1.0, 0.2, skew=0.7, sampler="cms"), 5),
    "cms-rejected": (Stable(1.2, [0.2, 0.1], truncation=0.1, rule="reject", sampler="cms"), 2),
    "cms-isotropic": (Stable(1.5, 0.2, structure="isotropic", sampler="cms"), 5),
    "cms-isotropic-rejected": (
        Stable(1.5, 0.2, structure="isotropic", truncation=0.1, rule="reject", sampler="cms"),
        5,
    ),
    "inverted": (Stable(1.5, [0.2, 0.1, 0.3], skew=0.5, sampler="inversion"), 3),
    "inverted-rejected": (Stable(1.2, 0.2, truncation=0.1, rule="reject", sampler="inversion"), 2),
    "tempered": (Stable(1.2, [0.2, 0.1, 0.2], tempering=0.5), 3),
    "isotropic-tempered": (Stable(1.5, 0.2, structure="isotropic", tempering=60.0, truncation=0.1), 5),
    "minibatch-gaussian": (Minibatch(Examples(), 4, 0.1), 3),
    "minibatch-subsample": (Minibatch(Examples(), 4, 0.1, law="subsample"), 3),
}


def fill(kernel: NoiseKernel, rows: int, first: int, width: int, pair: int = 7, seed: int = 2**63 + 5):
    """(2, rows, width): the increments of one pair of steps."""
    out0, out1, scratch0, scratch1 = (np.zeros((rows, width)) for _ in range(4))
    function = getattr(import_module(kernel.module), kernel.function)
    function(np.uint64(seed), 3, first, pair, kernel.params, kernel.data, out0, out1, scratch0, scratch1)
    return np.stack([out0, out1])
