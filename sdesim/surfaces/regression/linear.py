"""What linear least squares share, wherever their rows come from."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled import blocks
from sdesim.kinds.numbers import Array, as_theta
from sdesim.surfaces.base import Base, SurfaceKernel

KERNELS = "sdesim.surfaces.regression.least_squares_kernels"


class Linear(Base):
    """|Aθ − b|²/(2n) + ½ ridge |θ|², with rows A (n, d), targets b (n,) and a ridge."""

    @abstractmethod
    def _problem(self) -> tuple[Array, Array, float]:
        """A, b and the ridge."""

    @cached_property
    def _arrays(self) -> blocks.Arrays:
        """The kernel's params, A and Aᵀ; copies, for compiled functions take read-only arrays for another
        type."""
        rows, targets, ridge = self._problem()
        params = np.concatenate([[ridge], targets])
        return params, np.array(rows, order="C"), np.array(rows.T, order="C")

    @property
    def wells(self) -> tuple[str, ...]:
        """One: the loss is convex."""
        return ("minimum",)

    def example_gradients(self, theta: ArrayLike, indices: ArrayLike | None = None) -> Array:
        """(a_i·θ − b_i) a_i + ridge θ of the examples ``indices`` (k,), all without them: (d,) → (k, d).

        Raises:
            SdesimError: if an index is not one of the examples'.
        """
        rows, targets, ridge = self._problem()
        point = as_theta(theta, self.dim).reshape(self.dim)
        chosen = blocks.chosen(indices, self.examples)
        residuals = np.einsum("ij,j->i", rows[chosen], point) - targets[chosen]
        return np.asarray(residuals[:, None] * rows[chosen] + ridge * point)

    def minima(self) -> Array:
        """The minimum; of several, that of least norm: (1, d)."""
        rows, targets, ridge = self._problem()
        n, d = rows.shape
        if ridge > 0.0:
            rows = np.concatenate([rows / math.sqrt(n), math.sqrt(ridge) * np.eye(d)])
            targets = np.concatenate([targets / math.sqrt(n), np.zeros(d)])
        return np.asarray(np.linalg.lstsq(rows, targets, rcond=None)[0][None], dtype=np.float64)

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 wherever θ is finite, −1 elsewhere: (…, d) → (…)."""
        inside = np.all(np.isfinite(as_theta(theta, self.dim)), axis=-1)
        return np.where(inside, 0, -1).astype(np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params, rows, turned = self._arrays
        return SurfaceKernel(
            KERNELS,
            "grad",
            "loss",
            params,
            rows,
            turned,
            weighted_grad="weighted_grad",
            examples=self.examples,
            well="single_well",
            lanes=32,
            hvp="hvp",
        )
