"""Brownian paths on a fine grid, what coarser steps see of them, and exact solutions of linear equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Brownian:
    """Increments ΔW of a standard Brownian motion and ΔZ = ∫(W_s − W_t) ds over n steps of length h.

    Attributes:
        w, z: (n, K).
        h: time step.
    """

    w: Array
    z: Array
    h: float

    @classmethod
    def draw(cls, rng: np.random.Generator, steps: int, pairs: int, duration: float) -> Brownian:
        """K = 2·pairs paths, the second half the negative of the first: odd parts of an error cancel."""
        h = duration / steps
        first, second = np.sqrt(h) * rng.standard_normal((2, steps, pairs))
        z = 0.5 * h * (first + second / np.sqrt(3.0))
        return cls(np.hstack([first, -first]), np.hstack([z, -z]), h)

    def coarse(self, steps: int) -> Brownian:
        """The same paths seen over fewer steps: ΔW = Σ ΔW_k, ΔZ = Σ ΔZ_k + h Σ (r − 1 − k) ΔW_k."""
        r = len(self.w) // steps
        w, z = (a.reshape(steps, r, -1) for a in (self.w, self.z))
        later = self.h * np.arange(r - 1, -1, -1.0)
        return Brownian(w.sum(axis=1), z.sum(axis=1) + np.einsum("r,nrk->nk", later, w), r * self.h)

    def auxiliary(self) -> Array:
        """ΔW′ = √3 (2 ΔZ/h − ΔW), independent of ΔW: what SRA1 draws beside it."""
        return np.asarray(np.sqrt(3.0) * (2.0 * self.z / self.h - self.w))


def linear_end(a: Array, b: Array, start: Array, path: Brownian) -> Array:
    """First coordinate at the end of dX = A X dt + b dW, (K,), from the increments of the path.

    ∫ e^{A(h−s)} b dW = b ΔW + A b ΔZ + O(h^{5/2}) per step, so the error at the end is O(h²).
    """
    step, row = expm(a * path.h), np.eye(len(b))[0]
    of_w, of_z = np.empty((2, len(path.w)))
    for k in range(len(path.w) - 1, -1, -1):
        of_w[k], of_z[k] = row @ b, row @ a @ b
        row = row @ step
    return np.asarray(of_w @ path.w + of_z @ path.z + row @ start)
