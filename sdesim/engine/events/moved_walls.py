"""How far out watching at steps alone seems to move a wall."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Exponent = Callable[[Array], NDArray[np.complex128]]
# Nearer to 1 the mean of a jump is so large that the first order says nothing.
_LEAST_INDEX = 1.05
_POINTS_PER_UNIT = 24


def wall_shift(exponent: Exponent, dt: float) -> float | None:
    """δ by which a path that is watched every dt seems to meet a wall late, to first order in dt.

    With E exp(iuX_t) = exp(−tψ(u)) of the process across the wall, and f(t) = E max(X_t, 0), Spitzer's
    identities for the largest value of the path and of the walk give the regularised difference

        δ = ∫ f(t)/t dt − Σ′ f(n dt)/n = (1/π) ∫₀^∞ Re log(z/(1 − e^{−z})) du/u²,   z = ψ(u) dt:

    for a stable law −ζ(1 − 1/α) Γ(1 − 1/α)/π · σ dt^{1/α}, at α = 2 0.5826 √(2D dt). Skewed laws have the
    same δ at both walls, since a mean of 0 makes E X⁺ = E X⁻; a mean m adds only terms of the order dt.

    Args:
        exponent: u (n,) → ψ(u) (n,).
        dt: > 0.

    Returns:
        δ ≥ 0 in the units of X; None where jumps have no mean (α ≤ 1), or nearly none.

    Source: F. Spitzer, Trans. Am. Math. Soc. 82 (1956) 323; M. Broadie, P. Glasserman & S. Kou, Math. Finance
    7 (1997) 325 (α = 2).
    """

    def size(u: float) -> float:
        return float(np.real(exponent(np.array([u]))[0])) * dt

    if not any(size(u) > 0.0 for u in (1e-6, 1.0, 1e6)):
        return 0.0
    # The u at which one step turns by about a radian.
    low, high = -300.0, 300.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if size(math.exp(middle)) < 1.0 else (low, middle)
    unit = math.exp(0.5 * (low + high))
    tiny = unit * 1e-12
    growth = math.log2(max(size(2.0 * tiny), 1e-300) / max(size(tiny), 1e-300))
    if growth < _LEAST_INDEX:
        return None
    # In log u the integrand falls like u^(growth − 1) below, and like log(u)/u above.
    start = -min(40.0 / (growth - 1.0), 600.0)
    places = np.arange(start, 45.0, 1.0 / _POINTS_PER_UNIT)
    u = unit * np.exp(places)
    z = exponent(u) * dt
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        small = np.abs(z) < 1e-4
        series = 0.5 * z - z * z / 24.0
        exact = np.log(z / -np.expm1(-z))
        value = np.real(np.where(small, series, exact))
    return float(np.sum(value / u) / _POINTS_PER_UNIT / math.pi)
