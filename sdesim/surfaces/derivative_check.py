"""Whether a gradient is that of its loss, and a Hessian's product that of its gradient.

Both are held against central differences, D(h) = (L(θ + hv) − L(θ − hv))/2h, at a start and at a point beside
it. Three steps h in a row must agree on a difference before it counts, and a disagreement counts where it is
found again at another point close by: so kinks and rounding refuse nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.estimators.curvature.differences import agreement, difference_hvp, difference_step
from sdesim.kinds.numbers import Array

# The coordinates are tried one by one up to this many; beyond, along a direction that moves all of them.
EACH_COORDINATE = 64
# In units of 1 + |θ_k|: where one looks first, and where else if these don't agree.
_STEPS, _FURTHER = (1e-4, 1e-5, 1e-6), tuple(10.0**-k for k in range(2, 14))
# Relative disagreement below which a gradient may be an approximation on purpose; a slip is no such.
_SLOPE = 1e-4
# How far from the start the point beside it lies, and from that the one that must confirm what was found.
_BESIDE, _CONFIRM = 0.05, 1e-3
# A sum of many terms errs by some of these units.
_ROUNDING = 100.0 * float(np.finfo(np.float64).eps)
_SHOWN = 6

Loss = Callable[[Array], float]
Gradient = Callable[[Array], Array]
Product = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class Slope:
    """A derivative along a direction, found by differences.

    Attributes:
        value: by the central difference.
        low, high: between these lies every one-sided derivative, and so what a kink may be given.
        error: of the value, by how it changes with the step and by rounding.
    """

    value: float
    low: float
    high: float
    error: float

    def misses(self, expected: float, size: float) -> bool:
        """Whether the expected derivative is surely another."""
        away = max(self.low - expected, expected - self.high, 0.0)
        return away > 10.0 * self.error + _SLOPE * (abs(self.value) + abs(expected) + size)


def check_gradient(loss: Loss, grad: Gradient, start: Array) -> None:
    """Refuse a gradient that is not the loss's.

    At the start and beside it one derivative along a direction that moves every coordinate, about 7 values of
    the loss each, and up to 64 coordinates beside it one by one.

    Args:
        loss: θ (d,) → L. grad: θ (d,) → ∇L (d,).
        start: (d,); where the loss is not finite nothing can be said.

    Raises:
        SdesimError: in one line: where, what grad says, what the differences of the loss say.
    """
    rng = np.random.default_rng(0)
    for theta, direction in _places(loss, start, rng):
        wrong = _wrong_slope(loss, grad, theta, direction, rng)
        if wrong is not None:
            raise SdesimError(wrong)


def check_product(grad: Gradient, hvp: Product, start: Array) -> None:
    """Refuse a Hessian's product that is not the derivative of the gradient; points as of `check_gradient`.

    Raises:
        SdesimError: in one line: where, and how long both products and their difference are.
    """
    found = wrong_product(grad, hvp, start)
    if found is not None:
        raise SdesimError(f"hvp is not the derivative of grad: {found}")


def wrong_product(grad: Gradient, hvp: Product, start: Array) -> str | None:
    """How ∇²L(θ) v and the differences of ∇L along v disagree, None where they don't (surely).

    Args:
        grad: θ (d,) → ∇L (d,). hvp: θ (d,), v (d,) → ∇²L v (d,).
        start: (d,).
    """
    rng = np.random.default_rng(1)
    for theta in (start, _near(start, _BESIDE, rng)):
        v = _direction(theta, rng)
        if _product_misses(grad, hvp, theta, v) is None:
            continue
        again = _near(theta, _CONFIRM, rng)
        said = _product_misses(grad, hvp, again, v)
        if said is not None:
            return f"{_shown(again)} {said}"
    return None


def _places(loss: Loss, start: Array, rng: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    """Points and directions to look at."""
    if np.isfinite(loss(start)):
        yield start, _direction(start, rng)
    spread = _BESIDE
    beside = _near(start, spread, rng)
    while not np.isfinite(loss(beside)):
        spread /= 10.0
        if spread < _BESIDE * 1e-4:
            return
        beside = _near(start, spread, rng)
    yield beside, _direction(beside, rng)
    if 1 < len(start) <= EACH_COORDINATE:
        for k in range(len(start)):
            yield beside, _scale(beside) * (np.arange(len(start)) == k)


def _scale(theta: Array) -> Array:
    return 1.0 + np.abs(theta)


def _near(theta: Array, spread: float, rng: np.random.Generator) -> Array:
    """A point beside θ, off it in every coordinate."""
    return np.asarray(theta + spread * _direction(theta, rng) * np.sqrt(len(theta)))


def _direction(theta: Array, rng: np.random.Generator) -> Array:
    """A direction in which no coordinate stands still and no two move alike, about as long as 1 + |θ|."""
    pattern = rng.choice([-1.0, 1.0], len(theta)) * rng.uniform(0.5, 1.5, len(theta))
    return np.asarray(_scale(theta) * pattern / np.sqrt(len(theta)))


def _wrong_slope(loss: Loss, grad: Gradient, theta: Array, v: Array, rng: np.random.Generator) -> str | None:
    """What is wrong with grad along v at θ and again close by, None where nothing is."""
    if not _slope_misses(loss, grad, theta, v):
        return None
    again = _near(theta, _CONFIRM, rng)
    if not _slope_misses(loss, grad, again, v):
        return None
    # The half of the coordinates that tells more, and half of that, down to one.
    chosen = np.flatnonzero(v)
    slope = np.asarray(grad(again))
    while len(chosen) > 1:
        halves = np.array_split(chosen, 2)
        gaps = [_gap(loss, slope, again, _only(v, half)) for half in halves]
        chosen = halves[int(np.argmax(gaps))]
    k = int(chosen[0])
    found = slope_along(loss, again, _only(v, chosen))
    value = np.nan if found is None else found.value / v[k]
    return (
        f"grad is not the gradient of loss: {_shown(again)}, coordinate {k}, grad is "
        f"{slope[k] + 0.0:.6g}, the central difference of loss is {value:.6g}"
    )


def _only(v: Array, chosen: NDArray[np.int64]) -> Array:
    kept = np.zeros_like(v)
    kept[chosen] = v[chosen]
    return kept


def _gap(loss: Loss, slope: Array, theta: Array, v: Array) -> float:
    found = slope_along(loss, theta, v)
    return 0.0 if found is None else abs(found.value - float(slope @ v))


def _slope_misses(loss: Loss, grad: Gradient, theta: Array, v: Array) -> bool:
    slope = np.asarray(grad(theta), dtype=np.float64)
    if not np.isfinite(slope).all():
        return False
    single = np.count_nonzero(v) == 1
    size = 0.0 if single else float(np.linalg.norm(slope * v))
    expected = float(slope @ v)
    found = slope_along(loss, theta, v, lambda s: not s.misses(expected, size))
    return found is not None and found.misses(expected, size)


def slope_along(
    loss: Loss, theta: Array, v: Array, enough: Callable[[Slope], bool] = lambda _: False
) -> Slope | None:
    """∂L/∂v by central differences, of three steps in a row that agree best; None where no three are finite.

    Args:
        loss: θ (d,) → L. theta: (d,). v: (d,), about as long as 1 + |θ|.
        enough: whether the first steps already tell what is asked; else finer and coarser ones follow.
    """
    here = float(loss(theta))

    def one(h: float) -> tuple[float, float, float, float]:
        ahead, behind = float(loss(theta + h * v)), float(loss(theta - h * v))
        sides = (ahead - here) / h, (here - behind) / h
        rounding = _ROUNDING * max(abs(ahead), abs(behind), abs(here)) / h
        return (ahead - behind) / (2.0 * h), min(sides), max(sides), rounding

    with np.errstate(all="ignore"):
        tried = {h: one(h) for h in _STEPS}
        found = _best(tried)
        if found is None or not enough(found):
            tried |= {h: one(h) for h in _FURTHER if h not in tried}
            found = _best(tried)
    return found


def _best(tried: dict[float, tuple[float, float, float, float]]) -> Slope | None:
    """The middle of the three neighbouring steps that agree best."""
    rows = [tried[h] for h in sorted(tried, reverse=True)]
    best: Slope | None = None
    for three in zip(rows, rows[1:], rows[2:], strict=False):
        values = np.array([row[0] for row in three])
        if not np.isfinite(three).all():
            continue
        _, low, high, rounding = three[1]
        error = float(np.ptp(values)) + rounding
        if best is None or error < best.error:
            best = Slope(float(values[1]), low, high, error)
    return best


def _product_misses(grad: Gradient, hvp: Product, theta: Array, v: Array) -> str | None:
    """How long ∇²L v is, by hvp and by differences, where these disagree."""
    product = np.asarray(hvp(theta, v), dtype=np.float64)
    with np.errstate(all="ignore"):
        held = agreement(product, grad, theta, v)
        right = difference_hvp(grad, theta, v)
        # Where both are as small as the rounding of the gradient, nothing differs.
        rounding = (
            _ROUNDING * float(np.linalg.norm(grad(theta))) * float(np.linalg.norm(v)) / difference_step()
        )
    away = float(np.linalg.norm(product - right))
    if held.agreed or not held.decided or away <= rounding:
        return None
    sizes = f"|hvp| is {np.linalg.norm(product):.6g}, by differences of grad {np.linalg.norm(right):.6g}"
    return f"{sizes}, their difference {away:.6g}"


def _shown(theta: Array) -> str:
    """The point, or how long it is where it has many coordinates."""
    if len(theta) > _SHOWN:
        return f"beside the start (|theta| = {np.linalg.norm(theta):.6g})"
    return "at theta = [" + ", ".join(f"{t:.6g}" for t in theta) + "]"
