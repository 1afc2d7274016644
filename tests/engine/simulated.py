"""Surfaces and noises of every sort, and a short simulation of one."""

import numpy as np

import sdesim
from sdesim import noise, surfaces

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3))
Y = RNG.integers(0, 2, 40)
NETWORK = surfaces.MLP([3, 4, 2], X, Y, loss="cross_entropy")
FULL = np.array([[0.3, 0.1], [0.1, 0.2]])
CASES = {
    "double-well": (surfaces.DoubleWell(), [noise.Gaussian(diffusion=0.1)]),
    "diagonal": (surfaces.Quadratic([1.0, 3.0]), [noise.Gaussian(diffusion=[0.1, 0.2])]),
    "full": (surfaces.Quadratic([1.0, 3.0]), [noise.Gaussian(diffusion=FULL)]),
    "stable": (surfaces.Quadratic([1.0, 3.0]), [noise.Stable(1.5, 0.1)]),
    "skewed": (surfaces.Quadratic([1.0, 3.0]), [noise.Stable(1.2, 0.1, skew=0.5)]),
    "isotropic": (surfaces.Quadratic([1.0, 3.0]), [noise.Stable(1.7, 0.1, structure="isotropic")]),
    "added": (surfaces.FlatSharp(1.0, 5.0, 3.0), [noise.Gaussian(diffusion=0.1), noise.Stable(1.8, 0.1)]),
    "minibatch": (NETWORK, [noise.Minibatch(NETWORK, 4, 0.1)]),
    "subsample": (
        NETWORK,
        [noise.Minibatch(NETWORK, 4, 0.1, law="subsample"), noise.Gaussian(diffusion=1e-4)],
    ),
}


def simulate(case, **changes):
    arguments = {"dt": 0.01, "steps": 41, "trajectories": 7, "seed": 3, "save_every": 10, "progress": False}
    return sdesim.simulate(*case, **(arguments | changes))


def same_bits(a, b):
    return a.tobytes() == b.tobytes()
