"""The loss of any torch module as a surface: general, and slow beside `MLP`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.compiled import blocks
from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel

if TYPE_CHECKING:
    from sdesim.surfaces.torch.functions import Network


@dataclass(frozen=True, init=False, eq=False)
class TorchSurface(Base):
    """L(θ) = loss_fn(module_θ(x), y), differentiated by torch.

    θ (d,) holds the parameters in `named_parameters` order, each row-major. The work is done in float64 by a
    copy on the CPU in the given module's mode (train or eval), on one torch thread and one point at a time,
    so that bits depend on nothing else; the module itself is not changed. Each step of a trajectory calls
    back into Python, about 0.15 ms for a small network: for plain Linear/activation networks use `MLP`.
    Threads of a simulation work on copies of their own.

    Args:
        module: any nn.Module of one input with parameters.
        loss_fn: ``loss_fn(output, y)`` → scalar, a mean over examples for minibatch noise.
        x: inputs (n, …).
        y: labels or targets (n, …).

    Raises:
        SdesimError: if torch is missing, shapes do not fit, or two calls of the loss differ (dropout).
    """

    dim: int
    start: Array
    groups: dict[str, slice]
    _network: Network
    _functions: dict[str, Any]

    def __init__(self, module: Any, loss_fn: Callable[..., Any], x: Any, y: Any) -> None:
        try:
            from sdesim.surfaces.torch.functions import Network, compiled_functions
        except ModuleNotFoundError as error:
            if error.name != "torch":
                raise
            raise SdesimError('TorchSurface needs PyTorch: pip install "sdesim[torch]"') from None
        network = Network(module, loss_fn, x, y)
        values = {
            "dim": int(network.start.size),
            "start": network.start,
            "groups": network.groups,
            "_network": network,
            "_functions": compiled_functions(network),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        network.start.flags.writeable = False

    @property
    def examples(self) -> int:
        """Number of examples n; 0 where the loss is not the mean of the examples' losses."""
        return len(self._network.x) if self._network.is_mean else 0

    def _rows(self, theta: ArrayLike) -> tuple[Array, tuple[int, ...]]:
        """Writable points (m, d) and the leading shape."""
        points = as_theta(theta, self.dim)
        return np.array(points.reshape(-1, self.dim), order="C"), points.shape[:-1]

    def loss(self, theta: ArrayLike) -> Array:
        """L(θ): (…, d) → (…)."""
        rows, shape = self._rows(theta)
        return np.array([self._network.loss(row) for row in rows]).reshape(shape)

    def grad(self, theta: ArrayLike) -> Array:
        """∇L(θ): (…, d) → (…, d)."""
        rows, shape = self._rows(theta)
        return np.array([self._network.grad(row) for row in rows]).reshape(*shape, self.dim)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ) v: (…, d), (…, d) → (…, d)."""
        points, vectors = as_vectors(theta, v, self.dim)
        rows, shape = self._rows(points)
        pairs = zip(rows, self._rows(vectors)[0], strict=True)
        return np.array([self._network.hvp(row, along) for row, along in pairs]).reshape(*shape, self.dim)

    def weighted_gradient(self, theta: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ), ℓ_i = loss_fn of example i alone: (d,), (n,) → (d,)."""
        column = as_theta(weights, len(self._network.x), "weights").reshape(-1).copy()
        return self._network.weighted_gradient(self._rows(theta)[0][0], column)

    def example_gradients(self, theta: ArrayLike, indices: ArrayLike | None = None) -> Array:
        """∇ℓ_i(θ) of the examples ``indices`` (k,), all without them: (d,) → (k, d).

        Raises:
            SdesimError: if an index is not one of the examples'.
        """
        rows = blocks.chosen(indices, len(self._network.x))
        return self._network.example_gradients(self._rows(theta)[0][0], rows)

    def kernel(self) -> SurfaceKernel:
        """Compiled functions that call back into torch, held in memory."""
        return SurfaceKernel(
            "",
            "grad",
            "loss",
            np.zeros(0),
            weighted_grad="weighted_grad" if self.examples else None,
            examples=self.examples,
            lanes=1,
            hvp="hvp",
            functions=self._functions,
        )
