"""How long a particle stays, by theory: the exact mean in one dimension, and that of single jumps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.noise.big_jumps import BigJumps, isotropic_rate

Array = NDArray[np.float64]
_GRID = 20_001
# Beyond a loss of so many D over the lowest the Gibbs law holds less than a part in 10¹⁷.
_HIGH = 40.0
_DOUBLINGS = 60


def mean_first_passage(
    surface: Any, diffusion: float, start: float, lower: float = -math.inf, upper: float = math.inf
) -> float:
    """Mean time until dθ = −L′ dt + √(2D) dW first leaves (lower, upper), exact but for the quadrature:

        T(x) = ∫ G(x, z) e^{−L(z)/D}/D dz,  s(x) = ∫ e^{L/D},
        G = (s(x∧z) − s(lower))(s(upper) − s(x∨z))/(s(upper) − s(lower)),

    and with one end alone G = s(upper) − s(x∨z), or s(x∧z) − s(lower).

    Args:
        surface: L, of one dimension. diffusion: D > 0. start: x. lower, upper: ±∞ for none.

    Returns:
        T(x), ∞ where it is beyond all numbers; 0 where x is outside.

    Raises:
        RunError: more than one dimension, D ≤ 0, no end, or a loss that does not hold θ back on a side
            without an end.

    Source: C. Gardiner, Handbook of Stochastic Methods, section 5.2.7.
    """
    if int(surface.dim) != 1 or not 0 < diffusion < math.inf:
        raise RunError(
            f"a mean first passage time needs one dimension and D > 0, got {surface.dim}, {diffusion}"
        )
    if lower == -math.inf and upper == math.inf:
        raise RunError("a mean first passage time needs a lower or an upper end")
    if not lower < start < upper:
        return 0.0

    def high(x: Array) -> Array:
        return np.asarray(surface.loss(np.asarray(x, dtype=np.float64)[:, None])) / diffusion

    low_end = lower if math.isfinite(lower) else _far(high, start, -1.0)
    high_end = upper if math.isfinite(upper) else _far(high, start, 1.0)
    # The start is a point of the grid, where the kernel of the integral has its corner.
    left = max(round(_GRID * (start - low_end) / (high_end - low_end)), 2)
    right = max(_GRID - left, 2)
    x = np.concatenate([np.linspace(low_end, start, left + 1), np.linspace(start, high_end, right + 1)[1:]])
    exponent = high(x)
    # s is asked for between the start and the ends that there are.
    asked = exponent[0 if math.isfinite(lower) else left : None if math.isfinite(upper) else left + 1]
    scale = _running(np.exp(np.minimum(exponent - asked.max(), 0.0)), x)
    mass = np.exp(exponent.min() - exponent)
    below, above = scale[np.minimum(np.arange(x.size), left)], scale[np.maximum(np.arange(x.size), left)]
    if not math.isfinite(lower):
        kernel = scale[-1] - above
    elif not math.isfinite(upper):
        kernel = below
    else:
        kernel = below * (scale[-1] - above) / scale[-1]
    whole = float(np.trapezoid(kernel * mass, x)) / diffusion
    rise = float(asked.max() - exponent.min())
    return whole * math.exp(rise) if rise < 600 else math.inf


def _running(y: Array, x: Array) -> Array:
    """∫ from the first point to each, by the trapezoidal rule."""
    return np.concatenate([[0.0], np.cumsum(0.5 * (y[1:] + y[:-1]) * np.diff(x))])


def _far(high: Callable[[Array], Array], start: float, side: float) -> float:
    """A place on that side of the start from which nothing matters any more."""
    reach = side
    for _ in range(_DOUBLINGS):
        points = high(np.linspace(start, start + reach, 201))
        if np.isfinite(points).all() and points[-1] - points.min() > _HIGH:
            return start + reach
        reach *= 1.5
    raise RunError("a mean first passage time needs a loss that grows on the side without an end")


def mean_single_jump(
    surface: Any, jumps: BigJumps, start: float, lower: float = -math.inf, upper: float = math.inf
) -> float:
    """Mean time to leave (lower, upper) by one jump out of the minimum m in it,
    1/(Λ₋(m − lower) + Λ₊(upper − m)) with Λ(r) = w r^{−α}: what jumps of small scale take, whatever the
    height of the loss.

    Args:
        surface: L, of one dimension. jumps: as a noise gives them. start: where θ begins.
        lower, upper: ±∞ for none.

    Raises:
        RunError: more than one dimension, a start outside, or not one minimum inside.

    Source: P. Imkeller, I. Pavlyukevich, Stoch. Process. Appl. 116 (2006), theorem on the first exit.
    """
    if int(surface.dim) != 1 or not lower < start < upper:
        raise RunError("single jumps need one dimension and a start inside")
    minima = np.asarray(surface.minima(), dtype=np.float64).reshape(-1)
    inside = minima[(minima > lower) & (minima < upper)]
    if inside.size != 1:
        raise RunError(f"single jumps need one minimum inside, found {inside.size}")
    down, up = _weights(jumps)
    rate = down * (inside[0] - lower) ** -jumps.alpha + up * (upper - inside[0]) ** -jumps.alpha
    return 1.0 / float(rate) if rate > 0 else math.inf


def _weights(jumps: BigJumps) -> tuple[float, float]:
    """w of jumps down and up the one coordinate."""
    if jumps.axes is not None:
        return float(jumps.axes[0, 0]), float(jumps.axes[1, 0])
    scale = 0.0 if jumps.spread is None else float(jumps.spread[0])
    half = 0.5 * isotropic_rate(jumps.alpha, 1) * scale**jumps.alpha
    return half, half
