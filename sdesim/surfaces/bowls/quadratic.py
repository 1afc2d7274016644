"""A quadratic bowl or saddle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds import Misfit, Numbers, kind
from sdesim.kinds.numbers import Array, as_theta, as_vectors
from sdesim.surfaces.base import Base, SurfaceKernel

KERNELS = "sdesim.surfaces.bowls.quadratic_kernels"


@kind("surfaces", "quadratic")
@dataclass(frozen=True)
class Quadratic(Base):
    """L = ½ (x − c)ᵀ H (x − c), H = R diag(λ) Rᵀ; without rotation ½ Σ λ_i (x_i − c_i)².

    Args:
        eigenvalues: λ (d,), or a number for d = 1; negative ones make a saddle.
        center: c, a number or (d,).
        rotation: R (d, d) orthogonal, its columns are the eigenvectors; without it the identity.

    Raises:
        Misfit: if shapes do not fit or the rotation is not orthogonal.

    Example:
        {kind: quadratic, eigenvalues: [1.0, 10.0]}
    """

    eigenvalues: Annotated[Any, Numbers(0, 1)]
    center: Annotated[Any, Numbers(0, 1)] = 0.0
    rotation: Annotated[Any, Numbers(2)] | None = None

    def __post_init__(self) -> None:
        d = self.dim
        if np.shape(self.center) not in ((), (d,)):
            found = np.size(self.center)
            raise Misfit("center", f"found {found} numbers, allowed: one or {d}, as many as eigenvalues")
        if self.rotation is None:
            return
        if self.rotation.shape != (d, d):
            raise Misfit("rotation", f"found shape {self.rotation.shape}, allowed: {(d, d)}")
        if not np.allclose(self.rotation.T @ self.rotation, np.eye(d), atol=1e-8):
            raise Misfit("rotation", "found another matrix, allowed: an orthogonal one")

    @cached_property
    def _rates(self) -> Array:
        return np.array(self.eigenvalues, dtype=np.float64, ndmin=1)

    @cached_property
    def _center(self) -> Array:
        return np.broadcast_to(self.center, self._rates.shape).astype(np.float64)

    @cached_property
    def _hessian(self) -> Array | None:
        if self.rotation is None:
            return None
        hessian = (self.rotation * self._rates) @ self.rotation.T
        return np.ascontiguousarray(0.5 * (hessian + hessian.T))

    @property
    def dim(self) -> int:
        """d."""
        return int(np.size(self.eigenvalues))

    @property
    def wells(self) -> tuple[str, ...]:
        """One, unless the centre is a saddle."""
        return ("minimum",) if np.all(self._rates >= 0) else ()

    @property
    def start(self) -> Array:
        """The centre c (d,)."""
        return self._center.copy()

    def _times_hessian(self, v: Array) -> Array:
        return self._rates * v if self._hessian is None else np.asarray(v @ self._hessian)

    def loss(self, theta: ArrayLike) -> Array:
        """½ (x − c)ᵀ H (x − c): (…, d) → (…)."""
        y = as_theta(theta, self.dim) - self._center
        return np.asarray(0.5 * np.sum(y * self._times_hessian(y), axis=-1))

    def grad(self, theta: ArrayLike) -> Array:
        """H (x − c): (…, d) → (…, d)."""
        return self._times_hessian(as_theta(theta, self.dim) - self._center)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """H v: (…, d), (…, d) → (…, d)."""
        v = as_vectors(theta, v, self.dim)[1]
        return self._times_hessian(v)

    def minima(self) -> Array:
        """The centre (1, d); none for a saddle."""
        return self._center[None].copy() if self.wells else np.zeros((0, self.dim))

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 wherever θ is finite; −1 elsewhere, and for a saddle: (…, d) → (…)."""
        inside = np.all(np.isfinite(as_theta(theta, self.dim)), axis=-1) & bool(self.wells)
        return np.where(inside, 0, -1).astype(np.int64)

    @property
    def single(self) -> bool:
        """True: nothing but arithmetic."""
        return True

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        well = "single_well" if self.wells else None
        if self._hessian is None:
            params = np.concatenate([self._rates, self._center])
            return SurfaceKernel(KERNELS, "grad", "loss", params, well=well, hvp="hvp", slope="slope")
        center = self._center.copy()
        return SurfaceKernel(
            KERNELS, "rotated_grad", "rotated_loss", center, self._hessian, well=well, hvp="rotated_hvp"
        )
