"""Richardson's extrapolation of any statistic to dt → 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import chdtrc, ndtri

from sdesim.errors import SdesimError
from sdesim.estimate import Estimate
from sdesim.kinds.numbers import positive
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]
LEVEL = 0.95
# Orders that are sought, the one taken where none is told, and standard errors by which a change with dt must
# stand out to tell one.
_LEAST, _MOST, _PLAIN, _SEEN = 0.25, 4.0, 1.0, 2.0
# A fit whose residuals are less likely than this is said to be poor.
_POOR = 1e-3


def extrapolate(
    simulate_at: Callable[[float], Any], dts: Iterable[float], order: float | None = None
) -> Estimate:  # fmt: skip
    """Limit dt → 0 of a statistic, from v(dt) = v₀ + c dt^p at several steps by weighted least squares.

    Args:
        simulate_at: dt → the statistic there: an Estimate, or a plain number that has no error.
        dts: steps, two at least; three where the order is to be fitted.
        order: p; None fits it, which costs width.

    Returns:
        v₀ with a 95% interval: 1.96 standard errors, and `remaining_bias` on top, in ``details`` with the
        `order` and the `coefficient` c. The remaining bias is how far v₀ moves at most when the longest step
        is left out, a term dt^{p+1} is added, or a fitted order is set to the next multiple of ½, as far as
        there are steps enough; of two steps it is |c| dt^{p+1}/(longest dt) at the shortest. Errors at
        different steps are taken as independent: noise that they share makes the interval too wide, never
        too narrow. Flags: those of the Estimates, `order_not_told` (the statistic does not change with dt
        beyond its noise, or by no power between ¼ and 4: order 1 is taken), `poor_fit` (v₀ + c dt^p misses
        the values by more than their errors),
        `remaining_bias_guessed` (as many steps as numbers that are fitted).

    Raises:
        SdesimError: too few or equal steps, or a value that is no finite number.

    Source: L. Richardson, Phil. Trans. R. Soc. A 210 (1911); of weak errors D. Talay, L. Tubaro, Stoch. Anal.
    Appl. 8 (1990).

    Example:
        >>> def variance(dt):
        ...     run = sdesim.simulate(surface, noise, dt=dt, steps=round(10 / dt), trajectories=10_000)
        ...     return my_estimate(run)
        >>> sdesim.extrapolate(variance, [0.1, 0.05, 0.025])
    """
    if not callable(simulate_at):
        raise SdesimError(f"simulate_at must be a function of dt, got {short(simulate_at)}")
    steps = sorted({positive(dt, "dts") for dt in dts}, reverse=True)
    least = 3 if order is None else 2
    if len(steps) < least:
        why = "" if order is not None else ", since the order is fitted"
        raise SdesimError(f"dts: found {len(steps)} different steps, allowed: at least {least}{why}")
    p = None if order is None else positive(order, "order")
    x = np.array(steps)
    found = [_read(simulate_at(dt), dt) for dt in steps]
    value, error = (np.array([f[k] for f in found]) for k in (0, 1))
    flags = list(dict.fromkeys(flag for f in found for flag in f[2]))
    fitted = p is None
    if p is None:
        p, told = _order(x, value, error)
        flags += [] if told else ["order_not_told"]
        fitted = told
    limit, change, variance = _fit(x, value, error, [p])
    chi = _misfit(x, value, error, [p])
    free = len(x) - 2 - fitted
    if free > 0 and error.any() and chdtrc(free, chi) < _POOR:
        flags.append("poor_fit")
    if fitted:
        variance += _of_the_order(x, value, error, p)
    bias = _remaining(x, value, error, p, fitted)
    flags += ["remaining_bias_guessed"] if len(x) == 2 + fitted else []
    half = float(ndtri(0.5 + 0.5 * LEVEL)) * math.sqrt(variance) + bias
    details = {"order": p, "coefficient": change, "remaining_bias": bias, "dts": tuple(steps)}
    n = sum(f[3] for f in found)
    method = "richardson, order fitted" if fitted else "richardson"
    return Estimate(limit, limit - half, limit + half, LEVEL, method, n, tuple(flags), details)


def _read(given: Any, dt: float) -> tuple[float, float, tuple[str, ...], int]:
    """(value, standard error, flags, n) of a statistic; the error 0 where there is no interval."""
    try:
        if isinstance(given, str | bytes):
            raise TypeError
        value = float(given)
        low, high = float(getattr(given, "low", math.nan)), float(getattr(given, "high", math.nan))
        level = float(getattr(given, "level", LEVEL))
    except (TypeError, ValueError):
        raise SdesimError(
            f"simulate_at({dt:g}) must give an Estimate or a number, got {short(given)}"
        ) from None
    if not math.isfinite(value):
        raise SdesimError(f"simulate_at({dt:g}) gave {value:g}, which is no finite number")
    known = math.isfinite(low) and math.isfinite(high) and high > low
    error = 0.5 * (high - low) / float(ndtri(0.5 + 0.5 * level)) if known else 0.0
    return value, error, tuple(getattr(given, "flags", ())), int(getattr(given, "n", 1))


def _weights(error: Array) -> Array:
    """1/error, all the same where one is 0."""
    return 1.0 / error if (error > 0.0).all() else np.ones_like(error)


def _solve(x: Array, value: Array, error: Array, powers: Sequence[float]) -> tuple[Array, Array, float]:
    """(coefficients, the row that makes v₀ out of the values, χ²) of v₀ + Σ c_k x^{p_k}."""
    scaled, weight = x / x[0], _weights(error)
    design = np.array([np.ones_like(x), *(scaled**q for q in powers)]).T * weight[:, None]
    inverse = np.linalg.pinv(design)
    coefficients = inverse @ (weight * value)
    rest = weight * value - design @ coefficients
    return coefficients, inverse[0] * weight, float(rest @ rest)


def _fit(
    x: Array, value: Array, error: Array, powers: Sequence[float]
) -> tuple[float, float, float]:  # fmt: skip
    """(v₀, c of the first power, variance of v₀)."""
    coefficients, row, _ = _solve(x, value, error, powers)
    change = coefficients[1] / x[0] ** powers[0]
    return float(coefficients[0]), float(change), float(((row * error) ** 2).sum())


def _misfit(x: Array, value: Array, error: Array, powers: Sequence[float]) -> float:
    return _solve(x, value, error, powers)[2]


def _order(x: Array, value: Array, error: Array) -> tuple[float, bool]:
    """The order that fits best, and whether the values tell one."""
    spread = np.abs(value[0] - value[-1])
    if not spread > _SEEN * math.hypot(error[0], error[-1]) or spread == 0.0:
        return _PLAIN, False
    grid = np.linspace(_LEAST, _MOST, 76)
    misfits = [_misfit(x, value, error, [q]) for q in grid]
    k = int(np.argmin(misfits))
    if k in (0, len(grid) - 1):
        return _PLAIN, False
    best = minimize_scalar(
        lambda q: _misfit(x, value, error, [q]), bounds=(grid[k - 1], grid[k + 1]), method="bounded",
        options={"xatol": 1e-10},
    )  # fmt: skip
    return float(best.x), True


def _of_the_order(x: Array, value: Array, error: Array, p: float) -> float:
    """What a fitted order adds to the variance of v₀: the values moved by one error each, the order anew."""
    base = _fit(x, value, error, [p])[0]
    here = _fit(x, value, error, [p])[2]
    total = 0.0
    for k in range(len(x)):
        moved = value.copy()
        moved[k] += error[k]
        q, _ = _order(x, moved, error)
        total += (_fit(x, moved, error, [q])[0] - base) ** 2
    return max(0.0, total - here)


def _remaining(x: Array, value: Array, error: Array, p: float, fitted: bool) -> float:
    """How far v₀ may still be off, beyond its sampling error: the largest of what other fits say."""
    limit, change, _ = _fit(x, value, error, [p])
    if len(x) == 2:
        return abs(change) * float(x[-1] ** (p + 1.0) / x[0])
    others = [_fit(x[1:], value[1:], error[1:], [p])[0]]
    if len(x) > 2 + fitted:
        others.append(_fit(x, value, error, [p, p + 1.0])[0])
    if fitted:
        others.append(_fit(x, value, error, [max(0.5, round(2.0 * p) / 2.0)])[0])
    if fitted and len(x) > 3:
        q, told = _order(x[1:], value[1:], error[1:])
        others += [_fit(x[1:], value[1:], error[1:], [q])[0]] if told else []
    return max(abs(other - limit) for other in others)
