"""`BatchedLoss`'s methods on a surface's compiled functions: dense networks, which these serve faster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.errors import SdesimError
from sdesim.surfaces.torch.functions import own_tensor

Array = NDArray[np.float64]


class KernelLoss:
    """The loss of a surface with compiled functions at K points, rows of theta (K, d), in float64.

    Each row is worked out for itself, so that its bits depend on no other and not on `threads`.

    Args:
        surface: whose kernel has loss and grad, and weighted_grad where it is a mean over examples.
        threads: that share the rows.

    Attributes:
        dim: d. examples: n. is_mean: whether the loss is the mean of the examples' losses; without it
            `weighted`, `picked` and `example_gradients` are refused. width: 1.
    """

    dtype, device, width = torch.float64, torch.device("cpu"), 1

    def __init__(self, surface: Any, threads: int = 1) -> None:
        self.surface, self.threads, self.dim = surface, threads, int(surface.dim)
        self._kernel = surface.kernel()
        self.is_mean = bool(self._kernel.examples) and self._kernel.offers("weighted_grad")
        self.examples = int(self._kernel.examples)

    def losses(self, theta: Tensor) -> Tensor:
        """L(θ_k): (K, d) → (K,)."""
        points, function = self._points(theta), self._kernel.function("loss")
        out = np.empty((len(points), 1))
        self._rows(lambda k: function(points[k, :, None], *self._kernel.arrays, out[k]), len(points))
        return own_tensor(out[:, 0])

    def gradients(self, theta: Tensor) -> Tensor:
        """∇L(θ_k): (K, d) → (K, d)."""
        points, function = self._points(theta), self._kernel.function("grad")
        out = np.empty_like(points)
        self._rows(lambda k: function(points[k, :, None], *self._kernel.arrays, out[k, :, None]), len(points))
        return own_tensor(out)

    def weighted(self, theta: Tensor, weights: Tensor) -> Tensor:
        """Σ_i w_ki ∇ℓ_i(θ_k): (K, d), (K, n) → (K, d); of C combinations (K, C, n) → (K, C, d).

        Raises:
            SdesimError: if the loss is not the mean of the losses of the examples alone.
        """
        self._needs_mean()
        points, given = self._points(theta), np.array(weights.detach().cpu().double().numpy(), order="C")
        if given.shape[0] != len(points) or given.shape[-1] != self.examples or given.ndim not in (2, 3):
            raise SdesimError(
                f"weights must be ({len(points)}, {self.examples}) or ({len(points)}, C, {self.examples}), "
                f"got {given.shape}"
            )
        each = given.reshape(len(points), -1, self.examples)
        found = own_tensor(self._weighted(points, each))
        return found if given.ndim == 3 else found[:, 0]

    def picked(self, theta: Tensor, indices: Tensor) -> Tensor:
        """Mean gradients of the examples indices (K, B): (K, d) → (K, d). Others cost nothing."""
        self._needs_mean()
        points, rows = self._points(theta), indices.cpu().numpy()
        if rows.ndim != 2 or len(rows) != len(points) or not rows.shape[1]:
            raise SdesimError(f"indices must be ({len(points)}, B), got {rows.shape}")
        weights = np.zeros((len(points), 1, self.examples))
        for own, chosen in zip(weights[:, 0], rows, strict=True):
            np.add.at(own, chosen, 1.0 / rows.shape[1])
        return own_tensor(self._weighted(points, weights)[:, 0])

    def example_gradients(self, theta: Tensor, indices: Tensor | None = None) -> Tensor:
        """∇ℓ_i(θ) of the examples indices (m,), all without them: (d,) → (m, d)."""
        self._needs_mean()
        rows = None if indices is None else indices.cpu().numpy()
        return own_tensor(self.surface.example_gradients(self._points(theta[None])[0], rows))

    def variances(self, theta: Tensor) -> Tensor:
        """The diagonal of Σ₁, the covariance of one example's gradient: (K, d) → (K, d)."""
        return torch.stack([self.example_gradients(point).var(0, correction=0) for point in theta])

    def _needs_mean(self) -> None:
        if not self.is_mean:
            raise SdesimError("the loss is not the mean of the losses of the examples alone")

    def _points(self, theta: Tensor) -> Array:
        if theta.ndim != 2 or theta.shape[1] != self.dim:
            raise SdesimError(f"theta must be (K, {self.dim}), got {tuple(theta.shape)}")
        return np.array(theta.detach().cpu().double().numpy(), order="C")

    def _weighted(self, points: Array, weights: Array) -> Array:
        """(K, d), (K, C, n) → (K, C, d)."""
        function, arrays = self._kernel.function("weighted_grad"), self._kernel.arrays
        out = np.empty((len(points), weights.shape[1], self.dim))

        def row(k: int) -> None:
            for scale, found in zip(weights[k], out[k], strict=True):
                function(points[k, :, None], scale[:, None], *arrays, found[:, None])

        self._rows(row, len(points))
        return out

    def _rows(self, row: Callable[[int], Any], count: int) -> None:
        """Call row(k) for each k: the compiled functions let other threads go on."""
        if min(self.threads, count) <= 1:
            for k in range(count):
                row(k)
            return
        with ThreadPoolExecutor(self.threads) as pool:
            list(pool.map(row, range(count)))
