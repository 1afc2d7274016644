"""Simple surfaces with known minima: flat, quadratic, double well, one flat and one sharp well."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array, as_finite, as_theta, finite, positive, whole
from sdesim.surfaces.base import SurfaceKernel

MODULE = "sdesim.surfaces.simple_kernels"


@dataclass(frozen=True)
class Flat:
    """L = 0 in dim coordinates: no drift, the noise alone."""

    dim: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", whole(self.dim, "dim"))

    @property
    def wells(self) -> tuple[str, ...]:
        """There are none."""
        return ()

    @property
    def start(self) -> Array:
        """The origin (d,)."""
        return np.zeros(self.dim)

    def loss(self, theta: ArrayLike) -> Array:
        """0: (…, d) → (…)."""
        return np.zeros(as_theta(theta, self.dim).shape[:-1])

    def grad(self, theta: ArrayLike) -> Array:
        """0: (…, d) → (…, d)."""
        return np.zeros_like(as_theta(theta, self.dim))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """0: (…, d), (…, d) → (…, d)."""
        x, v = np.broadcast_arrays(as_theta(theta, self.dim), as_theta(v, self.dim, "v"))
        return np.zeros_like(x)

    def minima(self) -> Array:
        """None: (0, d)."""
        return np.zeros((0, self.dim))

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """−1: (…, d) → (…)."""
        return np.full(as_theta(theta, self.dim).shape[:-1], -1, dtype=np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        return SurfaceKernel(MODULE, "flat_grad", "flat_loss", np.zeros(0), hvp="flat_hvp")


@dataclass(frozen=True, eq=False)
class Quadratic:
    """L = ½ (x − c)ᵀ H (x − c), H = R diag(λ) Rᵀ; without rotation ½ Σ λ_i (x_i − c_i)².

    Args:
        eigenvalues: λ (d,), or a number for d = 1; negative ones make a saddle.
        center: c, a number or (d,).
        rotation: R (d, d) orthogonal, its columns are the eigenvectors; None for the identity.

    Raises:
        SdesimError: if shapes do not fit or the rotation is not orthogonal.
    """

    eigenvalues: ArrayLike
    center: ArrayLike = 0.0
    rotation: ArrayLike | None = None
    _rates: Array = field(init=False, repr=False)
    _center: Array = field(init=False, repr=False)
    _hessian: Array | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        rates = np.atleast_1d(as_finite(self.eigenvalues, "eigenvalues"))
        if rates.ndim != 1 or rates.size == 0:
            raise SdesimError(f"eigenvalues must have shape (d,), got shape {rates.shape}")
        center = as_finite(self.center, "center")
        if center.shape not in ((), rates.shape):
            raise SdesimError(f"center must be a number or ({rates.size},), got shape {center.shape}")
        object.__setattr__(self, "_rates", rates.copy())
        object.__setattr__(self, "_center", np.broadcast_to(center, rates.shape).copy())
        if self.rotation is not None:
            rotation = as_finite(self.rotation, "rotation")
            if rotation.shape != (rates.size, rates.size):
                raise SdesimError(
                    f"rotation must have shape ({rates.size}, {rates.size}), got shape {rotation.shape}"
                )
            if not np.allclose(rotation.T @ rotation, np.eye(rates.size), atol=1e-8):
                raise SdesimError("rotation must be an orthogonal matrix")
            hessian = (rotation * rates) @ rotation.T
            object.__setattr__(self, "_hessian", np.ascontiguousarray(0.5 * (hessian + hessian.T)))

    @property
    def dim(self) -> int:
        """d."""
        return int(self._rates.size)

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
        v = np.broadcast_arrays(as_theta(theta, self.dim), as_theta(v, self.dim, "v"))[1]
        return self._times_hessian(v)

    def minima(self) -> Array:
        """The centre (1, d); none for a saddle."""
        return self._center[None].copy() if self.wells else np.zeros((0, self.dim))

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 wherever θ is finite; −1 elsewhere, and for a saddle: (…, d) → (…)."""
        inside = np.all(np.isfinite(as_theta(theta, self.dim)), axis=-1) & bool(self.wells)
        return np.where(inside, 0, -1).astype(np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        well = "single_well" if self.wells else None
        if self._hessian is None:
            params = np.concatenate([self._rates, self._center])
            return SurfaceKernel(
                MODULE, "quadratic_grad", "quadratic_loss", params, well=well, hvp="quadratic_hvp"
            )
        center = self._center.copy()
        return SurfaceKernel(
            MODULE, "rotated_grad", "rotated_loss", center, self._hessian, well=well, hvp="rotated_hvp"
        )


@dataclass(frozen=True)
class DoubleWell:
    """L = b (x₀² − 1)² + tilt · x₀ + ½ Σ_{i>0} x_i²: wells near x₀ = ∓1, L″ = 8b there when tilt = 0.

    Args:
        dim: d.
        barrier: b > 0, the height of the barrier when tilt = 0.
        tilt: slope along x₀; |tilt| < 8b/(3√3), so that both wells exist.

    Raises:
        SdesimError: if a value is out of its range.
    """

    dim: int = 1
    barrier: float = 0.25
    tilt: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "dim", whole(self.dim, "dim"))
        object.__setattr__(self, "barrier", positive(self.barrier, "barrier"))
        object.__setattr__(self, "tilt", finite(self.tilt, "tilt"))
        limit = 8.0 * self.barrier / (3.0 * math.sqrt(3.0))
        if abs(self.tilt) >= limit:
            raise SdesimError(
                f"tilt must lie within ±{limit:g} (8·barrier/(3√3)) to leave both wells, got {self.tilt:g}"
            )

    @property
    def wells(self) -> tuple[str, ...]:
        """Left and right."""
        return ("left", "right")

    @property
    def start(self) -> Array:
        """The minimum of the left well (d,)."""
        return np.array(self.minima()[0])

    def _stationary(self) -> tuple[float, float, float]:
        """Roots x₀ of 4b (x³ − x) + tilt, ascending: left minimum, barrier top, right minimum (Viète)."""
        if self.tilt == 0.0:
            return -1.0, 0.0, 1.0
        angle = math.acos(-3.0 * math.sqrt(3.0) * self.tilt / (8.0 * self.barrier)) / 3.0
        radius = 2.0 / math.sqrt(3.0)
        roots = [radius * math.cos(angle - 2.0 * math.pi * k / 3.0) for k in range(3)]
        left, top, right = sorted(roots)
        return left, top, right

    def loss(self, theta: ArrayLike) -> Array:
        """L: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        y = x[..., 0]
        rest = 0.5 * np.sum(x[..., 1:] ** 2, axis=-1)
        return np.asarray(self.barrier * (y * y - 1.0) ** 2 + self.tilt * y + rest)

    def grad(self, theta: ArrayLike) -> Array:
        """(4b x₀ (x₀² − 1) + tilt, x₁, …): (…, d) → (…, d)."""
        out = as_theta(theta, self.dim).copy()
        y = out[..., 0]
        out[..., 0] = 4.0 * self.barrier * y * (y * y - 1.0) + self.tilt
        return out

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """(4b (3x₀² − 1) v₀, v₁, …): (…, d), (…, d) → (…, d)."""
        x, v = np.broadcast_arrays(as_theta(theta, self.dim), as_theta(v, self.dim, "v"))
        out = v.copy()
        out[..., 0] = 4.0 * self.barrier * (3.0 * x[..., 0] ** 2 - 1.0) * v[..., 0]
        return out

    def minima(self) -> Array:
        """Left and right minimum (2, d)."""
        left, _, right = self._stationary()
        out = np.zeros((2, self.dim))
        out[:, 0] = left, right
        return out

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 left of the barrier top, 1 from it on, −1 for NaN: (…, d) → (…)."""
        return side(as_theta(theta, self.dim)[..., 0], self._stationary()[1])

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params = np.array([self.barrier, self.tilt, self._stationary()[1]])
        return SurfaceKernel(
            MODULE,
            "double_well_grad",
            "double_well_loss",
            params,
            well="double_well_well",
            hvp="double_well_hvp",
        )


@dataclass(frozen=True)
class FlatSharp:
    """One-dimensional; two wells of depth 0 at x = ∓s/2 with the curvatures k₁ ("flat") and k₂ ("sharp").

    L = q₁ q₂/(q₁ + q₂),  q₁ = ½ k₁ (x + s/2)²,  q₂ = ½ k₂ (x − s/2)².

    Half the harmonic mean of two parabolas: analytic everywhere, at each minimum L″ is exactly k₁ or k₂,
    and far out L grows like the parabola of curvature k₁k₂/(k₁ + k₂). The one barrier top lies where
    (x + s/2)/(s/2 − x) = ρ = (k₂/k₁)^{1/3}, nearer to the sharp well.

    Args:
        flat_curvature: k₁ > 0.
        sharp_curvature: k₂ > 0.
        separation: s > 0, distance of the minima.

    Raises:
        SdesimError: if a value is not above 0.
    """

    flat_curvature: float
    sharp_curvature: float
    separation: float

    def __post_init__(self) -> None:
        for name in ("flat_curvature", "sharp_curvature", "separation"):
            object.__setattr__(self, name, positive(getattr(self, name), name))

    @property
    def dim(self) -> int:
        """1."""
        return 1

    @property
    def wells(self) -> tuple[str, ...]:
        """Flat (left) and sharp (right)."""
        return ("flat", "sharp")

    @property
    def start(self) -> Array:
        """The minimum of the flat well (1,)."""
        return np.array(self.minima()[0])

    @property
    def top(self) -> float:
        """x of the barrier top."""
        rho = math.cbrt(self.sharp_curvature / self.flat_curvature)
        return 0.5 * self.separation * (rho - 1.0) / (rho + 1.0)

    def _parts(self, theta: ArrayLike) -> tuple[Array, Array, Array, Array]:
        """q₁′, q₂′ and the shares q₁/(q₁ + q₂), q₂/(q₁ + q₂), each (…)."""
        x = as_theta(theta, 1)[..., 0]
        left, right = x + 0.5 * self.separation, x - 0.5 * self.separation
        slope1, slope2 = self.flat_curvature * left, self.sharp_curvature * right
        q1, q2 = slope1 * left, slope2 * right
        return slope1, slope2, q1 / (q1 + q2), q2 / (q1 + q2)

    def loss(self, theta: ArrayLike) -> Array:
        """L: (…, 1) → (…)."""
        slope1, _, _, share2 = self._parts(theta)
        return np.asarray(0.5 * slope1**2 / self.flat_curvature * share2)

    def grad(self, theta: ArrayLike) -> Array:
        """q₁′ (q₂/S)² + q₂′ (q₁/S)², S = q₁ + q₂: (…, 1) → (…, 1)."""
        slope1, slope2, share1, share2 = self._parts(theta)
        return np.asarray(slope1 * share2**2 + slope2 * share1**2)[..., None]

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """L″ v with L″ = k₁ (q₂/S)² + k₂ (q₁/S)² − 2 (q₁′q₂ − q₂′q₁)²/S³: (…, 1), (…, 1) → (…, 1)."""
        slope1, slope2, share1, share2 = self._parts(theta)
        total = 0.5 * (slope1**2 / self.flat_curvature + slope2**2 / self.sharp_curvature)
        cross = (slope1 * share2 - slope2 * share1) ** 2 / total
        curvature = self.flat_curvature * share2**2 + self.sharp_curvature * share1**2 - 2.0 * cross
        return np.asarray(curvature[..., None] * as_theta(v, 1, "v"))

    def minima(self) -> Array:
        """Flat and sharp minimum (2, 1)."""
        return np.array([[-0.5 * self.separation], [0.5 * self.separation]])

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 (flat) left of the barrier top, 1 (sharp) from it on, −1 for NaN: (…, 1) → (…)."""
        return side(as_theta(theta, 1)[..., 0], self.top)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params = np.array([self.flat_curvature, self.sharp_curvature, 0.5 * self.separation, self.top])
        return SurfaceKernel(
            MODULE, "flat_sharp_grad", "flat_sharp_loss", params, well="flat_sharp_well", hvp="flat_sharp_hvp"
        )


def side(x: Array, top: float) -> NDArray[np.int64]:
    """0 where x < top, 1 where x ≥ top, −1 where x is NaN."""
    return np.where(np.isnan(x), -1, (x >= top).astype(np.int64)).astype(np.int64)
