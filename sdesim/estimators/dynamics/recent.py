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
_WALKS, _SCALE = np.array([0.0, *(0.01 * 2.0 ** np.arange(9))]), 0.05
# Deviations of the first slope, as the change over all readings, and by how much of it the slope turns there.
_SLOPES, _TURNS = np.array([1.0, 3.0, 10.0, 30.0, 100.0]), 4.0
# Prior of no movement, a walk, and a slope.
_SHARES = (0.6, 0.2, 0.2)
# So many blocks of one size before the size doubles: what is long ago is read coarsely.
_ALIKE = 16
# Blocks on each side that tell the unit of one.
_AROUND = 2
# Fewer blocks have no interval.
LEAST = 3
_HALVINGS = 40


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
    check_level(level)
    given = (numerator, denominator, denominator if unit is None else unit)
    x, y, scale = (np.atleast_1d(np.asarray(a, dtype=np.float64)) for a in given)
    if x.ndim != 1 or not x.shape == y.shape == scale.shape or block < 1 or len(x) < block:
        raise EstimatorError(
            f"numerator and denominator must be (n,) each, n at least a block of at least 1, got {x.shape}, "
            f"{y.shape} and a block of {block}"
        )
    sizes = block_sizes(len(x), block)
    starts = np.cumsum((len(x) - sum(sizes), *sizes[:-1]))
    held = np.add.reduceat(np.stack([x, y, scale]), starts, axis=1) / np.array(sizes, dtype=np.float64)
    both, n = held[:2], sum(sizes)

    def without(value: float, flag: str) -> Estimate:
        flags = (flag,) if flag == "no_interval" else (flag, "no_interval")
        return Estimate(value, np.nan, np.nan, level, method, n, flags, _details(both[:, -1], np.nan, np.nan))

    if not np.isfinite(held).all():
        return without(np.nan, "nonfinite")
    mean = both @ np.array(sizes) / n
    if mean[1] <= 0:
        return without(np.inf if mean[1] == 0 < mean[0] else np.nan, "zero_noise" if mean[1] == 0 else
                       "not_separated")  # fmt: skip
    if len(sizes) < LEAST:
        return without(float(mean[0] / mean[1]), "no_interval")
    return _averaged(both, _units(held[2], np.array(sizes, dtype=np.float64)), sizes, level, method, positive)


def _averaged(
    both: Array, units: Array, sizes: tuple[int, ...], level: float, method: str, positive: bool
) -> Estimate:
    """The ratio at the last of at least 3 blocks (2, K), in units (K,)."""
    walks, n, freedom = _walks(sizes), sum(sizes), len(sizes) - 1
    scaled = both / units
    at = walks.weights @ scaled.T
    surprise = walks.rotation @ scaled.T
    spread = np.einsum("gki,gkj->gij", surprise, surprise) / freedom
    first = at[0, 0] / at[0, 1]
    left = np.maximum(_quadratic(spread, first), np.finfo(np.float64).tiny)
    log = walks.prior - 0.5 * freedom * np.log(left)
    weight = np.exp(log - log.max())
    weight = weight / weight.sum()
    middle = weight @ at
    error2 = walks.variance[:, None, None] * spread
    probabilities = np.array([0.5, 0.5 - level / 2, 0.5 + level / 2])
    value, low, high = _quantiles(at, error2, weight, freedom, probabilities, float(middle[0] / middle[1]))
    # The readings themselves, and not in the units of their blocks.
    unscaled = weight @ (walks.weights @ both.T)
    details = _details(unscaled, float(weight @ (1 / walks.variance)), 0.5 * (high - low))
    flags = ["negative_signal"] if positive and value < 0 else []
    if not (np.isfinite(low) and np.isfinite(high)):
        return Estimate(value, np.nan, np.nan, level, method, n, (*flags, "not_separated", "no_interval"),
                        details)  # fmt: skip
    if positive:
        low, high = (float(end) for end in DEBIASED.cut(low, high))
    return Estimate(value, low, high, level, method, n, tuple(flags), details)


def _units(scale: Array, sizes: Array) -> Array:
    """The scale around each block (K,) without the block itself, which then can't weigh itself; its mean
    where that is not above 0, and 1 where no mean is."""
    count, mean = len(sizes), float(scale @ sizes / sizes.sum())
    total, size = np.zeros(count), np.zeros(count)
    weighed = scale * sizes
    for k in range(1, _AROUND + 1):
        total[k:] += weighed[:-k]
        size[k:] += sizes[:-k]
        total[:-k] += weighed[k:]
        size[:-k] += sizes[k:]
    around = total / size
    return np.where(around > 0, around, mean if mean > 0 else 1.0)


def _quadratic(spread: Array, c: Array | float) -> Array:
    """Square of the deviation of x − c y, from covariances (G, 2, 2)."""
    return np.asarray(spread[:, 0, 0] - 2 * c * spread[:, 0, 1] + np.square(c) * spread[:, 1, 1])


def _quantiles(
    at: Array, error2: Array, weight: Array, freedom: int, probabilities: Array, start: float
) -> tuple[float, float, float]:
    """c at which the law of the ratio has each probability, infinite where it has not.

    Args:
        at: (G, 2), numerator and denominator; error2: their covariances (G, 2, 2); weight: (G,).
        start: a ratio near the middle.
    """
    held = weight > 1e-9
    at, error2, weight = at[held], error2[held], weight[held] / weight[held].sum()
    unit = float(np.sqrt(weight @ np.maximum(_quadratic(error2, start), 0.0))) / abs(float(weight @ at[:, 1]))

    def law(c: Array) -> Array:
        deviation = np.sqrt(np.maximum(_quadratic(error2, c[:, None]), 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (c[:, None] * at[:, 1] - at[:, 0]) / deviation
        return np.asarray(stdtr(float(freedom), np.nan_to_num(t, nan=0.0)) @ weight)

    if unit == 0.0:
        # Readings without any error.
        return start, start, start
    end = np.sqrt(np.maximum(error2[:, 1, 1], np.finfo(np.float64).tiny))
    most = float(stdtr(float(freedom), at[:, 1] / end) @ weight)
    # c = start + unit·u/(1 − |u|): all ratios are within −1 < u < 1.
    low, high = np.full(len(probabilities), -1.0), np.full(len(probabilities), 1.0)
    for _ in range(_HALVINGS):
        u = 0.5 * (low + high)
        below = law(start + unit * u / (1 - np.abs(u))) < probabilities
        low, high = np.where(below, u, low), np.where(below, high, u)
    u = 0.5 * (low + high)
    found = start + unit * u / (1 - np.abs(u))
    found = np.where(probabilities >= most, np.inf, np.where(probabilities <= 1 - most, -np.inf, found))
    return float(found[0]), float(found[1]), float(found[2])


def _details(both: Array, readings: float, half: float) -> dict[str, float]:
    return {
        "numerator": float(both[0]), "denominator": float(both[1]), "readings": readings, "half_width": half,
    }  # fmt: skip
