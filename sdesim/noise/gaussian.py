"""Gaussian noise √(2D) dW."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import as_finite
from sdesim.noise.base import Array, NoiseKernel, check_size


@dataclass(frozen=True, eq=False)
class Gaussian:
    """√(2D) dW with a constant diffusion D, or a factor F of it, D = F Fᵀ.

    Args:
        diffusion: D, in units of θ² per time: a number, (d,) diagonal, or (d, d) symmetric.
        factor: F (d, k), instead of the diffusion.

    Raises:
        SdesimError: if not exactly one of the two is given, or D is not positive semidefinite.
    """

    diffusion: ArrayLike | None = None
    factor: ArrayLike | None = None
    _diagonal: Array | None = field(init=False, repr=False, default=None)
    _root: Array | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if (self.diffusion is None) == (self.factor is None):
            raise SdesimError("give either diffusion or factor, and not both")
        if self.factor is not None:
            factor = as_finite(self.factor, "factor")
            if factor.ndim != 2 or factor.size == 0:
                raise SdesimError(f"factor must have shape (d, k), got shape {factor.shape}")
            object.__setattr__(self, "_root", narrow(factor))
            return
        diffusion = as_finite(self.diffusion, "diffusion")
        if diffusion.ndim < 2:
            if diffusion.size == 0 or np.any(diffusion < 0):
                raise SdesimError(f"diffusion must not be negative or empty, got {self.diffusion!r}")
            object.__setattr__(self, "_diagonal", diffusion)
            return
        object.__setattr__(self, "_root", matrix_root(diffusion))

    @property
    def sort(self) -> str:
        """Gaussian noise."""
        return "gaussian"

    def validate(self, dim: int) -> None:
        """Check that D is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        known = self._root if self._root is not None else self._diagonal
        size = None if known is None or known.ndim == 0 else known.shape[0]
        check_size(size, dim, "diffusion" if self.factor is None else "factor")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments √(2 dt) F z; the learning rate plays no part."""
        self.validate(dim)
        if self._root is None:
            assert self._diagonal is not None
            scale = np.broadcast_to(np.sqrt(2.0 * dt * self._diagonal), (dim,)).copy()
            return diagonal_kernel(scale)
        data = np.ascontiguousarray(np.sqrt(2.0 * dt) * self._root.T)
        triangular = self._root.shape[1] == dim and not np.any(np.triu(self._root, 1))
        return NoiseKernel(
            "sdesim.noise.fill_kernels", "gaussian_factor", np.array([float(triangular)]), data, gaussian=True
        )

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of −√(2D/η) ξ, the noise of a stochastic gradient at learning rate η."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        if self._root is None:
            assert self._diagonal is not None
            return np.asarray(-np.sqrt(2.0 * self._diagonal / eta) * rng.standard_normal((n, dim)))
        z = rng.standard_normal((n, self._root.shape[1]))
        return np.asarray(-np.sqrt(2.0 / eta) * (z @ self._root.T))

    def trace(self, dim: int) -> float:
        """Tr D."""
        self.validate(dim)
        if self._root is None:
            assert self._diagonal is not None
            return float(np.broadcast_to(self._diagonal, (dim,)).sum())
        return float(np.sum(self._root**2))


def diagonal_kernel(scale: Array) -> NoiseKernel:
    """Independent normal increments of standard deviation scale (d,)."""
    return NoiseKernel(
        "sdesim.noise.fill_kernels", "gaussian_diagonal", scale, gaussian=True, setter="set_gaussian_diagonal"
    )


def narrow(factor: Array) -> Array:
    """A factor (d, k') of the same F Fᵀ with k' ≤ d: Rᵀ of the QR decomposition of Fᵀ where F is wider."""
    if factor.shape[1] <= factor.shape[0]:
        return factor
    return np.ascontiguousarray(np.asarray(np.linalg.qr(factor.T, mode="r")).T)


def matrix_root(diffusion: Array) -> Array:
    """F with F Fᵀ = D: the Cholesky factor, or from the eigenvectors where D is singular.

    Raises:
        SdesimError: if D is not a symmetric positive semidefinite matrix.
    """
    if diffusion.ndim != 2 or diffusion.shape[0] != diffusion.shape[1] or diffusion.size == 0:
        raise SdesimError(f"diffusion must be a number, (d,) or (d, d), got shape {diffusion.shape}")
    if not np.allclose(diffusion, diffusion.T, rtol=1e-10, atol=1e-12 * np.abs(diffusion).max()):
        raise SdesimError("diffusion must be a symmetric matrix")
    try:
        return np.asarray(np.linalg.cholesky(diffusion))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(diffusion)
        if values[0] < -1e-10 * max(values[-1], 0.0):
            raise SdesimError(
                f"diffusion must be positive semidefinite, its smallest eigenvalue is {values[0]:g}"
            ) from None
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
