"""What every equation offers, and the base to subclass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled import blocks
from sdesim.errors import SdesimError
from sdesim.kinds.bases import Defaults, default
from sdesim.kinds.numbers import Array, as_finite, as_theta
from sdesim.sdes.moments import Moments
from sdesim.sdes.structure import Structure, structure_of
from sdesim.surfaces.base import SurfaceKernel

Convention = Literal["ito", "stratonovich"]


class Base(Defaults):
    """dx = f(t, x) dt + B(t, x) dW, which stands in `simulate` where a surface would.

    A frozen dataclass with `dim`, `factors` and `kernel` is a whole equation. Its kernel's ``grad`` is −f, as
    a descent has it, and ``factor(x, w, params, data0, data1, out)``: out (d, W) = B w, w (k, W), column by
    column; one with `constant_factor` needs none. With ``timed`` params[0] is the time. There is no loss, and
    nothing that is made of one.
    """

    has_loss = False

    @default
    def dim(self) -> int:
        """Number of coordinates d."""
        raise SdesimError(f"{type(self).__name__} must have dim, its number of coordinates")

    @default
    def start(self) -> Array:
        """Default starting point (d,): the origin."""
        return np.zeros(self.dim)

    @default
    def names(self) -> tuple[str, ...]:
        """What the coordinates are called: x0, x1, …"""
        return tuple(f"x{k}" for k in range(self.dim))

    @default
    def convention(self) -> Convention:
        """How B dW is meant: "ito" or "stratonovich"."""
        return "ito"

    @default
    def factors(self) -> int:
        """k: how many Wiener processes drive it; 0: none."""
        return 0

    @default
    def additive(self) -> bool:
        """Whether B is the same at every state, so that both conventions mean the same."""
        return False

    @property
    def structure(self) -> Structure:
        """How the columns of B go together: "additive", "diagonal" (b_k(t, x_k) dW_k), "commutative" or
        "general"; by differences at the start and beside it, unless the equation knows."""
        return "additive" if self.additive else structure_of(self.diffusion_at, self.start)

    @property
    def constant_factor(self) -> Array | None:
        """(d,) where B is that diagonal always and everywhere: schemes see additive noise then. Else None."""
        return None

    @property
    def noise_rate(self) -> Array | None:
        """B Bᵀ, (d,) of a diagonal or (d, d), where it is known to be the same always and everywhere."""
        return None if self.constant_factor is None else self.constant_factor**2

    # What the engine asks of a surface.
    @default
    def wells(self) -> tuple[str, ...]:
        """None."""
        return ()

    @default
    def groups(self) -> Mapping[str, slice]:
        """None."""
        return {}

    @default
    def examples(self) -> int:
        """0: no mean over examples."""
        return 0

    @default
    def growth(self) -> float | None:
        """One more than the power by which |f| grows at most; None where that is not known."""
        return None

    @default
    def single(self) -> bool:
        """False: the compiled functions are for float64."""
        return False

    def minima(self) -> Array:
        """None: (0, d)."""
        return np.zeros((0, self.dim))

    def evaluation(self) -> None:
        """None: the state stands for no model."""
        return None

    def kernel(self) -> SurfaceKernel:
        """The compiled side; every equation has its own.

        Raises:
            SdesimError: always.
        """
        raise SdesimError(f"{type(self).__name__} must have kernel(), which names its compiled functions")

    def _at(self, t: float) -> tuple[SurfaceKernel, blocks.Arrays]:
        kernel = self.kernel()
        params = np.array(kernel.params)
        if kernel.timed:
            params[0] = t
        return kernel, (params, kernel.data0, kernel.data1)

    def drift_at(self, theta: ArrayLike, t: float = 0.0) -> Array:
        """f(t, x): (…, d) → (…, d)."""
        return -self.grad(theta, t)

    def grad(self, theta: ArrayLike, t: float = 0.0) -> Array:
        """−f(t, x), as schemes use it: (…, d) → (…, d)."""
        kernel, arrays = self._at(t)
        return blocks.gradients(kernel.function("grad"), self.dim, theta, arrays)

    def hvp(self, theta: ArrayLike, v: ArrayLike, t: float = 0.0) -> Array:
        """−J v, J the Jacobian of f, which need not be symmetric: (…, d), (…, d) → (…, d)."""
        kernel, arrays = self._at(t)
        return blocks.products(kernel.function("hvp"), self.dim, theta, v, arrays)

    def diffusion_at(self, theta: ArrayLike, t: float = 0.0) -> Array:
        """B(t, x): (…, d) → (…, d, k)."""
        kernel, arrays = self._at(t)
        points = as_theta(theta, self.dim)
        if self.constant_factor is not None:
            return np.broadcast_to(np.diag(self.constant_factor), (*points.shape, self.dim)).copy()
        block = np.array(points.reshape(-1, self.dim).T, order="C")
        columns: list[Array] = []
        for j in range(self.factors):
            w = np.zeros((self.factors, block.shape[1]))
            w[j] = 1.0
            out = np.empty_like(block)
            kernel.function("factor")(block, w, *arrays, out)
            columns.append(out.T)
        whole = np.stack(columns, axis=-1) if columns else np.zeros((block.shape[1], self.dim, 0))
        return whole.reshape(*points.shape, self.factors)

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """−1: there are no wells; (…, d) → (…)."""
        return np.full(as_theta(theta, self.dim).shape[:-1], -1, dtype=np.int64)

    def moments(self, t: float, start: Any = None) -> Moments:
        """Exact mean and covariance at time t, ∞ for the stationary law.

        Raises:
            SdesimError: none are known of this equation.
        """
        raise SdesimError(f"{type(self).__name__} knows no exact moments")

    def _from(self, start: Any) -> Array:
        point = self.start if start is None else as_finite(start, "start")
        if point.shape not in ((), (1,), (self.dim,)):
            raise SdesimError(f"start must be a number or ({self.dim},), got shape {point.shape}")
        return np.broadcast_to(point, (self.dim,))
