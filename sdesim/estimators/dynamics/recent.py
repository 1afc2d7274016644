"""A ratio of two quantities as it is now, out of readings that have errors, while both may move.

Of readings x_k of the numerator and y_k of the denominator, z_k(c) = x_k − c y_k has the level 0 at the end
where c is their ratio there. In units of the denominator around it, each z(c) is read as a local level,

    l_{k+1} = l_k + ξ_k,  Var ξ_k = w² σ² per reading,    z_k = l_k + ε_k,  Var ε_k = σ² per reading,

with σ² unknown: given w, the level at the end has Student's law about a weighted mean, and c the interval of
Fieller. w = 0 is the ratio of the averages over all readings; how far the level walks is not known, so that
the law of c is averaged over a grid of w with the weights that likelihood and prior give: the window adapts.
Harvey (1989), Forecasting, Structural Time Series Models and the Kalman Filter, 2.2 and 3.4; Fieller (1954),
J. R. Stat. Soc. B 16, 175.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.core.draws import check_level
from sdesim.support import DEBIASED

Array = NDArray[np.float64]
# Deviations w of the walk per reading, in those of a reading, and their prior: none, else half Cauchy.
_WALKS, _SCALE = np.array([0.0, *(0.01 * 2.0 ** np.arange(14))]), 0.05
# Deviations of the first slope, as the change over all readings, and by how much of it the slope turns there.
_SLOPES, _TURNS = np.array([1.0, 3.0, 10.0, 30.0, 100.0]), 4.0
# Prior of no movement, a walk, and a slope.
_SHARES = (0.7, 0.1, 0.2)
# So many blocks of one size before the size doubles: what is long ago is read coarsely.
_ALIKE = 16
# Blocks on each side that tell the unit of one.
_AROUND = 2
# Fewer blocks have no interval.
LEAST = 3
# Of the law's quantiles: to 1e-7 of its width.
_HALVINGS = 28
# Series at a time, which share the numbers of a layout of blocks; weights that are none.
_TOGETHER, _EXCLUDED = 256, 1e-7


@dataclass(frozen=True)
class _Walks:
    """What a local level makes of K blocks, whatever they hold, for each of G walks.

    Attributes:
        weights: (G, K), of the level at the end. variance: (G,), of it in units of σ².
        rotation: (G, K − 1, K), one-step surprises in their deviations, in units of σ.
        prior: (G,), logarithm of the prior and of the determinant of the readings' covariance.
    """

    weights: Array
    variance: Array
    rotation: Array
    prior: Array


@functools.lru_cache(maxsize=512)
def _walks(sizes: tuple[int, ...]) -> _Walks:
    """Args: sizes: readings in each block, oldest first, at least 2 of them."""
    count, n = len(sizes), sum(sizes)
    step = np.concatenate([_WALKS, np.zeros(len(_SLOPES))])
    slope = np.concatenate([np.zeros(len(_WALKS)), _SLOPES / n])
    q, p = step**2, _TURNS * slope**2 / n
    weights, turned = np.zeros((2, len(step), count))
    weights[:, 0] = 1.0
    # Moments of level and slope given what was read.
    xx, xb, bb = np.full(len(step), 1.0 / sizes[0]), np.zeros(len(step)), slope**2
    rotation = np.zeros((len(step), count - 1, count))
    prior = np.log(_prior())
    for k in range(1, count):
        gap = 0.5 * (sizes[k - 1] + sizes[k])
        weights = weights + gap * turned
        xx = xx + 2 * gap * xb + gap**2 * bb + q * gap + p * gap**3 / 3
        xb, bb = xb + gap * bb + p * gap**2 / 2, bb + p * gap
        total = xx + 1.0 / sizes[k]
        surprise = -weights
        surprise[:, k] += 1.0
        rotation[:, k - 1] = surprise / np.sqrt(total)[:, None]
        weights = weights + (xx / total)[:, None] * surprise
        turned = turned + (xb / total)[:, None] * surprise
        bb, prior = bb - xb**2 / total, prior - 0.5 * np.log(total)
        xx, xb = xx / (total * sizes[k]), xb / (total * sizes[k])
    return _Walks(weights, xx, rotation, prior)


def _prior() -> Array:
    """Of no movement, of each walk (half Cauchy on its logarithmic grid) and of each slope (alike)."""
    walks = _WALKS[1:] / (1 + (_WALKS[1:] / _SCALE) ** 2)
    parts = [[1.0], walks / walks.sum(), np.full(len(_SLOPES), 1 / len(_SLOPES))]
    return np.concatenate([share * np.asarray(part) for share, part in zip(_SHARES, parts, strict=True)])


def block_sizes(count: int, block: int = 1) -> tuple[int, ...]:
    """Sizes of the blocks that `count` readings are averaged in, oldest first: the newest 16 of ``block``
    readings, the 16 before them of twice as many, and so on; what fills no block is left out at the old
    end."""
    sizes: list[int] = []
    size, left = block, count
    while left >= size:
        some = min(_ALIKE, left // size)
        sizes += [size] * some
        left -= some * size
        if some < _ALIKE:
            break
        size *= 2
    return tuple(reversed(sizes))


def recent_ratio(
    numerator: ArrayLike, denominator: ArrayLike, block: int = 1, level: float = 0.95, method: str = "recent",
    *, unit: ArrayLike | None = None, positive: bool = False,
) -> Estimate:  # fmt: skip
    """The ratio of two quantities at the newest of n readings (n,) of both, in order.

    Args:
        numerator, denominator: unbiased for each of the two, and finite; the denominator's quantity is above
            0.
        block: consecutive readings that are averaged first; longer than readings are correlated.
        unit: what errors of both are in proportion to (n,), the denominator by default; a level without a
            denominator is that over 1.
        positive: whether the ratio can't be below 0, so that the interval ends there.

    Returns:
        The median of the law of the ratio, with its quantiles. Details: `numerator` and `denominator` there;
        `readings`, what the interval is worth in readings that do not move; `half_width`. Flags: `zero_noise`
        of a denominator that is 0 throughout, `not_separated` where it is not told from 0, `no_interval`
        below 3 blocks, `negative_signal` of a value below 0 where that can't be.

    Raises:
        EstimatorError: arrays of different shape or none, fewer readings than a block, a level outside
            (0, 1).
    """
    given = (numerator, denominator, denominator if unit is None else unit)
    return recent_ratios([Series(*given, block)], level, method, positive=positive)[0]


@dataclass(frozen=True, eq=False)
class Series:
    """Arguments of `recent_ratio`."""

    numerator: ArrayLike
    denominator: ArrayLike
    unit: ArrayLike
    block: int = 1


def recent_ratios(
    series: Sequence[Series], level: float = 0.95, method: str = "recent", *, positive: bool = False
) -> list[Estimate]:
    """`recent_ratio` of many series at once, each by itself.

    Raises:
        EstimatorError: as there.
    """
    check_level(level)
    found: list[Estimate | None] = [None] * len(series)
    alike: dict[tuple[int, ...], list[tuple[int, Array]]] = {}
    for k, one in enumerate(series):
        sizes, held = _blocks(one)
        found[k] = _without(sizes, held, level, method)
        if found[k] is None:
            alike.setdefault(sizes, []).append((k, held))
    for sizes, some in alike.items():
        for first in range(0, len(some), _TOGETHER):
            part = some[first : first + _TOGETHER]
            made = _averaged(np.stack([held for _, held in part]), sizes, level, method, positive)
            for (k, _), e in zip(part, made, strict=True):
                found[k] = e
    return [e for e in found if e is not None]


def _blocks(one: Series) -> tuple[tuple[int, ...], Array]:
    """Sizes of the blocks, and of each the means of numerator, denominator and unit (3, K)."""
    given = (one.numerator, one.denominator, one.unit)
    x, y, scale = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in given)
    if x.ndim != 1 or not x.shape == y.shape == scale.shape or one.block < 1 or len(x) < one.block:
        raise EstimatorError(
            f"numerator and denominator must be (n,) each, n at least a block of at least 1, got {x.shape}, "
            f"{y.shape} and a block of {one.block}"
        )
    sizes = block_sizes(len(x), one.block)
    starts = np.cumsum((len(x) - sum(sizes), *sizes[:-1]))
    sums = np.add.reduceat(np.stack([x, y, scale]), starts, axis=1)
    return sizes, sums / np.array(sizes, dtype=np.float64)


def _without(sizes: tuple[int, ...], held: Array, level: float, method: str) -> Estimate | None:
    """What has no interval, and why; None of what has one."""
    n = sum(sizes)
    mean = held[:2] @ np.array(sizes) / n
    value, flags = math.nan, ["no_interval"]
    if not np.isfinite(held).all():
        flags = ["nonfinite", *flags]
    elif mean[1] <= 0:
        value = np.inf if mean[1] == 0 < mean[0] else np.nan
        flags = ["zero_noise" if mean[1] == 0 else "not_separated", *flags]
    elif len(sizes) < LEAST:
        value = float(mean[0] / mean[1])
    else:
        return None
    details = _details(mean, np.nan, np.nan)
    return Estimate(value, np.nan, np.nan, level, method, n, tuple(flags), details)


def _averaged(
    held: Array, sizes: tuple[int, ...], level: float, method: str, positive: bool
) -> list[Estimate]:
    """Ratios at the last of at least 3 blocks, of (S, 3, K)."""
    walks, n, freedom = _walks(sizes), sum(sizes), len(sizes) - 1
    both = held[:, :2]
    scaled = both / _units(held[:, 2], np.array(sizes, dtype=np.float64))[:, None]
    # Not by products of matrices, whose last bits depend on threads and on how many are made at once.
    rotation = walks.rotation.reshape(-1, 1, len(sizes))
    at = (walks.weights[None, :, None] * scaled[:, None]).sum(axis=-1)
    surprise = ((rotation * x).sum(axis=-1).reshape(len(walks.variance), -1, 2) for x in scaled)
    spread = np.stack([(s[..., None] * s[..., None, :]).sum(axis=1) for s in surprise]) / freedom
    with np.errstate(divide="ignore", invalid="ignore"):
        first = at[:, :1, 0] / at[:, :1, 1]
    left = np.maximum(_quadratic(spread, first), np.finfo(np.float64).tiny)
    log = walks.prior - 0.5 * freedom * np.log(left)
    weight = np.exp(log - log.max(axis=1, keepdims=True))
    weight = weight / weight.sum(axis=1, keepdims=True)
    # Walks that are as good as excluded cost nothing.
    weight = np.where(weight > _EXCLUDED, weight, 0.0)
    weight = weight / weight.sum(axis=1, keepdims=True)
    error2 = walks.variance[:, None, None] * spread
    probabilities = np.array([0.5, 0.5 - level / 2, 0.5 + level / 2])
    values = _quantiles(at, error2, weight, freedom, probabilities)
    # The readings themselves, and not in the units of their blocks.
    plain = (walks.weights[None, :, None] * both[:, None]).sum(axis=-1)
    unscaled = (weight[..., None] * plain).sum(axis=1)
    worth = (weight / walks.variance).sum(axis=1)
    made = []
    for (value, low, high), level_now, readings in zip(
        values.tolist(), unscaled, worth.tolist(), strict=True
    ):
        flags = ["negative_signal"] if positive and value < 0 else []
        details = _details(level_now, readings, 0.5 * (high - low))
        if not (math.isfinite(low) and math.isfinite(high)):
            low = high = math.nan
            flags += ["not_separated", "no_interval"]
        elif positive:
            low, high = (float(end) for end in DEBIASED.cut(low, high))
        made.append(Estimate(value, low, high, level, method, n, tuple(flags), details))
    return made


def _units(scale: Array, sizes: Array) -> Array:
    """The scale around each block (S, K) without the block itself, which then can't weigh itself; its mean
    where that is not above 0, and 1 where no mean is."""
    mean = (scale @ sizes / sizes.sum())[:, None]
    total, size = np.zeros(scale.shape), np.zeros(len(sizes))
    weighed = scale * sizes
    for k in range(1, _AROUND + 1):
        total[:, k:] += weighed[:, :-k]
        size[k:] += sizes[:-k]
        total[:, :-k] += weighed[:, k:]
        size[:-k] += sizes[k:]
    around = total / size
    return np.where(around > 0, around, np.where(mean > 0, mean, 1.0))


def _quadratic(spread: Array, c: Array) -> Array:
    """Square of the deviation of x − c y, from covariances (..., 2, 2)."""
    return np.asarray(spread[..., 0, 0] - 2 * c * spread[..., 0, 1] + np.square(c) * spread[..., 1, 1])


def _quantiles(at: Array, error2: Array, weight: Array, freedom: int, probabilities: Array) -> Array:
    """c at which the law of each ratio has each probability (S, P), infinite where it has not.

    Args:
        at: (S, G, 2), numerator and denominator; error2: their covariances (S, G, 2, 2); weight: (S, G).
    """
    middle = (weight[..., None] * at).sum(axis=1)
    start = (middle[:, 0] / middle[:, 1])[:, None]
    size = (weight * np.maximum(_quadratic(error2, start), 0.0)).sum(axis=1)
    unit = np.sqrt(size)[:, None] / np.abs(middle[:, 1:])
    held = weight.max(axis=0) > 0
    at, error2, weight = at[:, held], error2[:, held], weight[:, held, None]
    x, y, error2 = at[:, :, :1], at[:, :, 1:], error2[:, :, None]

    def law(c: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (c[:, None] * y - x) / np.sqrt(np.maximum(_quadratic(error2, c[:, None]), 0.0))
        return np.asarray((stdtr(float(freedom), np.nan_to_num(t, nan=0.0)) * weight).sum(axis=1))

    end = np.sqrt(np.maximum(error2[..., 1, 1], np.finfo(np.float64).tiny))
    most = (stdtr(float(freedom), y / end) * weight).sum(axis=1)
    # c = start + unit·u/(1 − |u|): all ratios are within −1 < u < 1.
    low, high = np.full((2, len(at), len(probabilities)), [[[-1.0]], [[1.0]]])
    for _ in range(_HALVINGS):
        u = 0.5 * (low + high)
        below = law(start + unit * u / (1 - np.abs(u))) < probabilities
        low, high = np.where(below, u, low), np.where(below, high, u)
    u = 0.5 * (low + high)
    found = np.where(unit == 0.0, start, start + unit * u / (1 - np.abs(u)))
    found = np.where(probabilities >= most, np.inf, np.where(probabilities <= 1 - most, -np.inf, found))
    return np.asarray(found)


def _details(both: Array, readings: float, half: float) -> dict[str, float]:
    return {
        "numerator": float(both[0]), "denominator": float(both[1]), "readings": readings, "half_width": half,
    }  # fmt: skip
