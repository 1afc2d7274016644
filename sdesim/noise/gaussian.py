"""Gaussian noise √(2D) dW."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.estimators.core.covariance import DiagonalCovariance, FactorCovariance, GradientMoments
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.noise.base import Array, Base, Context, Noise, NoiseKernel, Sort, check_size
from sdesim.noise.bridge import GaussianSplit
from sdesim.noise.kernel import SingleFill
from sdesim.noise.modulated import modulated
from sdesim.schedules import Coefficient, at, moves

KERNELS = "sdesim.noise.gaussian_kernels"
SINGLE_DIAGONAL = SingleFill("sdesim.noise.single_kernels", "gaussian_diagonal", "set_gaussian_diagonal")
_WAYS = ("diffusion", "factor", "match", "gradient_variance")


@kind("noises", "gaussian")
@dataclass(frozen=True)
class Gaussian(Base):
    """√(2D) dW with a diffusion D, constant or a schedule, or a factor F of it, D = F Fᵀ.

    D may follow from the gradients that the noise stands for: those of a real arm, whose Tr Σ the mean over
    its probes gives, or of minibatches of B examples with a known variance, each coordinate's.

    Args:
        diffusion: D, in units of θ² per time: a number, (d,) diagonal, or (d, d) symmetric; or a schedule,
            whose mean over a step is that of the step.
        factor: F (d, k), instead of the diffusion.
        match: "trace" for D = (η/2) TrΣ/d of the real arm.
        gradient_variance: Σ₁ of one example's gradient, for D = (η/2) Σ₁/B.
        batch_size: B that goes with gradient_variance; 1 without it.

    Raises:
        Misfit: if not exactly one way is taken to say what D is, or D is not positive semidefinite.

    Example:
        {kind: gaussian, diffusion: 0.01}
    """

    diffusion: Annotated[Any, Coefficient(0, 1, 2)] | None = None
    factor: Annotated[Any, Numbers(2)] | None = None
    match: Literal["trace"] | None = None
    gradient_variance: Annotated[float, Ge(0)] | None = None
    batch: Annotated[int, Ge(1)] | None = field(default=None, metadata={"called": "batch_size"})

    def __post_init__(self) -> None:
        if sum(getattr(self, way) is not None for way in _WAYS) != 1:
            raise Misfit((), "give exactly one of diffusion, factor, match and gradient_variance")
        if self.batch is not None and self.gradient_variance is None:
            raise Misfit("batch_size", f"found {self.batch}, allowed: none without gradient_variance")
        diffusion: Any = self.diffusion
        plain = diffusion is not None and not moves(diffusion)
        if plain and np.ndim(diffusion) < 2 and np.any(diffusion < 0):
            raise Misfit("diffusion", f"found {np.min(diffusion):g}, allowed: numbers of at least 0")
        # A matrix is factorised now, so that one that is none of a diffusion is refused where it is given.
        _ = self._root

    @cached_property
    def _root(self) -> Array | None:
        if self.factor is not None:
            return narrow(self.factor)
        diffusion: Any = self.diffusion
        return matrix_root(diffusion) if isinstance(diffusion, np.ndarray) and diffusion.ndim == 2 else None

    @property
    def _diagonal(self) -> Array:
        if self.needs:
            raise SdesimError(f"gaussian noise must be resolved first: it lacks {' and '.join(self.needs)}")
        if moves(self.diffusion):
            raise SdesimError("the diffusion changes in time: at(time) gives the noise of one moment")
        return np.asarray(self.diffusion, dtype=np.float64)

    def at(self, time: float) -> Noise:
        """With D as it is at a time."""
        return replace(self, diffusion=at(self.diffusion, time)) if moves(self.diffusion) else self

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """A schedule that is negative somewhere, or not finite."""
        found = self.diffusion.problem(time, 0.0) if moves(self.diffusion) else None  # type: ignore[union-attr]
        if found is not None:
            yield "diffusion", found

    @property
    def learning_rate_power(self) -> float:
        """½ where D is of gradients."""
        return 0.5 if self.needs else 0.0

    @property
    def sort(self) -> Sort:
        """Gaussian."""
        return "gaussian"

    @property
    def constant_diffusion(self) -> float | None:
        """D where it is given as one number."""
        return float(self.diffusion) if isinstance(self.diffusion, (int, float)) else None

    @property
    def label(self) -> str:
        """With D where it is one number or a schedule."""
        if moves(self.diffusion):
            return f"gaussian D={self.diffusion.label}"  # type: ignore[union-attr]
        return f"gaussian D={self.diffusion:g}" if isinstance(self.diffusion, float) else "gaussian"

    @property
    def needs(self) -> tuple[str, ...]:
        """What D follows from."""
        if self.match is not None:
            return ("trace", "learning_rate")
        return ("learning_rate",) if self.gradient_variance is not None else ()

    def resolved(self, context: Context) -> Noise:
        """With D as a number.

        Raises:
            SdesimError: if it matches a trace that is not known.
        """
        if self.match is not None:
            return Gaussian(0.5 * context.learning_rate * context.known_trace() / context.dim)
        if self.gradient_variance is not None:
            return Gaussian(0.5 * context.learning_rate * self.gradient_variance / (self.batch or 1))
        return self

    def validate(self, dim: int) -> None:
        """Check that D is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        known: Any = self.diffusion if self.factor is None else self.factor
        size = len(known) if isinstance(known, np.ndarray) else None
        check_size(size, dim, "diffusion" if self.factor is None else "factor")

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments √(2 dt) F z; the learning rate plays no part."""
        self.validate(dim)
        if moves(self.diffusion):
            unit = diagonal_kernel(np.full(dim, np.sqrt(2.0 * dt)))
            return modulated(unit, self.diffusion, dt, 1.0, 0.5)  # type: ignore[arg-type]
        if self._root is None:
            scale = np.broadcast_to(np.sqrt(2.0 * dt * self._diagonal), (dim,)).copy()
            return diagonal_kernel(scale)
        data = np.ascontiguousarray(np.sqrt(2.0 * dt) * self._root.T)
        triangular = self._root.shape[1] == dim and not np.any(np.triu(self._root, 1))
        return NoiseKernel(
            KERNELS,
            "gaussian_factor",
            np.array([float(triangular)]),
            data,
            gaussian=True,
            size=np.sqrt(np.sum(data**2, axis=0)),
            divisible=True,
            split=GaussianSplit(data),
        )

    def exponent(self, u: Array) -> NDArray[np.complex128] | None:
        """uᵀ D u; None of a D that moves."""
        self.validate(u.shape[-1])
        if moves(self.diffusion):
            return None
        if self._root is None:
            return np.asarray((u * u) @ np.broadcast_to(self._diagonal, u.shape[-1:]), dtype=np.complex128)
        return np.asarray(((u @ self._root) ** 2).sum(axis=-1), dtype=np.complex128)

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of −√(2D/η) ξ, the noise of a stochastic gradient at learning rate η."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        if self._root is None:
            return np.asarray(-np.sqrt(2.0 * self._diagonal / eta) * rng.standard_normal((n, dim)))
        z = rng.standard_normal((n, self._root.shape[1]))
        return np.asarray(-np.sqrt(2.0 / eta) * (z @ self._root.T))

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean 0 and Σ = 2D/η."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        if self._root is None:
            scale = np.broadcast_to(np.sqrt(2.0 * self._diagonal / eta), (dim,))
            return GradientMoments(np.zeros(dim), DiagonalCovariance(scale))
        return GradientMoments(np.zeros(dim), FactorCovariance(np.sqrt(2.0 / eta) * self._root))

    def trace(self, dim: int) -> float:
        """Tr D."""
        self.validate(dim)
        if self._root is None:
            return float(np.broadcast_to(self._diagonal, (dim,)).sum())
        return float(np.sum(self._root**2))


def diagonal_kernel(scale: Array) -> NoiseKernel:
    """Independent normal increments of standard deviation scale (d,)."""
    return NoiseKernel(
        KERNELS,
        "gaussian_diagonal",
        scale,
        gaussian=True,
        setter="set_gaussian_diagonal",
        single=SINGLE_DIAGONAL,
        size=scale,
        divisible=True,
        split=GaussianSplit(scale),
    )


def narrow(factor: Array) -> Array:
    """A factor (d, k') of the same F Fᵀ with k' ≤ d: Rᵀ of the QR decomposition of Fᵀ where F is wider."""
    if factor.shape[1] <= factor.shape[0]:
        return factor
    return np.ascontiguousarray(np.asarray(np.linalg.qr(factor.T, mode="r")).T)


def matrix_root(diffusion: Array) -> Array:
    """F with F Fᵀ = D: the Cholesky factor, or from the eigenvectors where D is singular.

    Raises:
        Misfit: if D is not a symmetric positive semidefinite matrix.
    """
    if diffusion.shape[0] != diffusion.shape[1]:
        raise Misfit("diffusion", f"found shape {diffusion.shape}, allowed: a number, (d,) or (d, d)")
    if not np.allclose(diffusion, diffusion.T, rtol=1e-10, atol=1e-12 * np.abs(diffusion).max()):
        raise Misfit("diffusion", "found one without symmetry, allowed: a symmetric matrix")
    try:
        return np.asarray(np.linalg.cholesky(diffusion))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(diffusion)
        if values[0] < -1e-10 * max(values[-1], 0.0):
            found = f"found one with the eigenvalue {values[0]:g}"
            raise Misfit("diffusion", f"{found}, allowed: a positive semidefinite matrix") from None
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
