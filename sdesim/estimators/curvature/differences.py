"""Curvature without second derivatives: central differences of gradients and of losses, and whether a
Hessian-vector product agrees with them.

Everything here is a function of θ alone: ``loss(theta)`` → number, ``gradient(theta)`` → (d,).
A step of length h along the unit vector v̂ = v/|v| costs a truncation of order h² and a rounding of order
ε/h, which balance at h = ε^{1/3} whatever |θ|: 4.9e-3 in float32, 6.1e-6 in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from sdesim.errors import EstimatorError

Array = NDArray[np.float64]
Gradient = Callable[[Array], ArrayLike]
Loss = Callable[[Array], float]
# A second product at a third of the step shows how far the first depends on it.
SHORTER = 1 / 3
# A product that differs from differences by more than this, and by more than they do from each other, is not
# the Hessian's. In float32 the rounding of gradients alone, ε/h relative to |Hv|, comes near to 1e-3.
_TOLERANCE = {"float32": 2e-2, "float64": 1e-3}
_SPREADS = 5.0
_UNDECIDED = 0.5


@dataclass(frozen=True)
class Agreement:
    """A Hessian-vector product held against central differences of gradients in one direction.

    Attributes:
        error: |Hv − D| / max(|Hv|, |D|), D the difference at the shorter of two steps; 0 where both vanish.
        spread: the same between the differences at both steps: what they can't decide, be it rounding,
            truncation, or kinks of the network.
        tolerance: largest error that counts as agreement.
    """

    error: float
    spread: float
    tolerance: float

    @property
    def agreed(self) -> bool:
        """Whether the product is that of the differences, as well as these can tell."""
        return bool(self.error <= self.tolerance)

    @property
    def decided(self) -> bool:
        """Whether the differences tell at all; across many kinks, or lost in rounding, they don't."""
        return bool(self.tolerance < _UNDECIDED)


def difference_step(dtype: DTypeLike = np.float64) -> float:
    """h = ε^{1/3} of the numbers in which gradients are computed."""
    return float(np.cbrt(np.finfo(dtype).eps))


def difference_hvp(
    gradient: Gradient, theta: ArrayLike, v: ArrayLike, h: float | None = None, dtype: DTypeLike = np.float64
) -> Array:
    """H v ≈ |v| (∇L(θ + h v̂) − ∇L(θ − h v̂)) / 2h: two gradients, no second derivative.

    Args:
        gradient: θ (d,) ↦ ∇L(θ) (d,), the same function at each call (random layers with the same draws).
        theta: θ (d,). v: direction (d,), of any length; 0 gives 0.
        h: length of the step; None: `difference_step` of ``dtype``, in which gradients are computed.

    Raises:
        EstimatorError: shapes that differ, or h not positive.
    """
    point, along = _vectors(theta, v)
    step = difference_step(dtype) if h is None else float(h)
    if not step > 0:
        raise EstimatorError(f"h must be positive, got {h}")
    length = float(np.linalg.norm(along))
    if length == 0.0:
        return np.zeros_like(point)
    move = along * (step / length)
    ahead = np.asarray(gradient(point + move), dtype=np.float64).reshape(point.shape)
    behind = np.asarray(gradient(point - move), dtype=np.float64).reshape(point.shape)
    return np.asarray((ahead - behind) * (length / (2 * step)))


def agreement(
    product: ArrayLike, gradient: Gradient, theta: ArrayLike, v: ArrayLike, h: float | None = None,
    dtype: DTypeLike = np.float64,
) -> Agreement:  # fmt: skip
    """How far a product H v is from `difference_hvp` at h and at h/3: four gradients.

    They agree where they differ by no more than 2% (float32) or 0.1% (float64), or five times what the two
    differences differ by from each other. Steps across many kinks (ReLU in float32) decide nothing, because
    differences see kinks and derivatives don't: take float64, where steps are short.

    Args:
        product: H v (d,), as found in another way; not finite counts as no agreement.
        gradient, theta, v, h, dtype: as of `difference_hvp`.
    """
    point, along = _vectors(theta, v)
    step = difference_step(dtype) if h is None else float(h)
    coarse = difference_hvp(gradient, point, along, step, dtype)
    fine = difference_hvp(gradient, point, along, step * SHORTER, dtype)
    given = np.asarray(product, dtype=np.float64).reshape(point.shape)
    return judged(_apart(given, fine), _apart(coarse, fine), dtype)


def judged(error: float, spread: float, dtype: DTypeLike = np.float64) -> Agreement:
    """What these numbers of `Agreement` say, of gradients in ``dtype``."""
    least = _TOLERANCE["float64" if np.finfo(dtype).bits >= 64 else "float32"]
    return Agreement(error, spread, max(least, _SPREADS * spread))


def difference_slope(
    loss: Loss, theta: ArrayLike, v: ArrayLike, h: float | None = None, dtype: DTypeLike = np.float64
) -> float:
    """∇L·v ≈ |v| (L(θ + h v̂) − L(θ − h v̂)) / 2h: two losses, no derivative; arguments as `difference_hvp`."""
    point, along = _vectors(theta, v)
    step, length = difference_step(dtype) if h is None else float(h), float(np.linalg.norm(along))
    if length == 0.0:
        return 0.0
    move = along * (step / length)
    return (float(loss(point + move)) - float(loss(point - move))) * length / (2 * step)


def difference_curvature(
    loss: Loss, theta: ArrayLike, v: ArrayLike, h: float | None = None, dtype: DTypeLike = np.float64
) -> float:
    """vᵀHv/|v|² ≈ (L(θ + h v̂) − 2 L(θ) + L(θ − h v̂)) / h²: three losses, no derivative at all.

    Args:
        loss: θ (d,) ↦ L(θ). theta, v: as of `difference_hvp`; v = 0 has no direction and gives NaN.
        h: None: 4 ε^{1/4} of ``dtype``, which balances h² against ε/h²: 0.074 in float32, 4.9e-4 in float64.
    """
    point, along = _vectors(theta, v)
    length = float(np.linalg.norm(along))
    if length == 0.0:
        return float("nan")
    step = 4 * float(np.finfo(dtype).eps) ** 0.25 if h is None else float(h)
    move = along * (step / length)
    return (float(loss(point + move)) - 2 * float(loss(point)) + float(loss(point - move))) / step**2


def _vectors(theta: ArrayLike, v: ArrayLike) -> tuple[Array, Array]:
    point, along = np.asarray(theta, dtype=np.float64), np.asarray(v, dtype=np.float64)
    if point.ndim != 1 or point.shape != along.shape:
        raise EstimatorError(f"theta and v must have one shape (d,), got {point.shape} and {along.shape}")
    return point, along


def _apart(a: Array, b: Array) -> float:
    """|a − b| relative to the longer; ∞ where a number is not finite."""
    scale = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    if not np.isfinite(scale):
        return float("inf")
    return float(np.linalg.norm(a - b)) / scale if scale > 0 else 0.0
