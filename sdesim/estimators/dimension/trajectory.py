"""Dimension of the set of points on a training path.

It is a slope over the few scales that n points show, and is far from its limit at the sizes at
hand. So every reading can be put beside those of paths of known dimension and the same size
(`dimension_controls`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.core.places import each
from sdesim.estimators.core.samples import finite_rows, require_finite, with_dropped
from sdesim.estimators.dimension.readings import READINGS, distances
from sdesim.estimators.tails.symmetric import symmetric_draws
from sdesim.kinds.numbers import one_of
from sdesim.support import POSITIVE

Array = NDArray[np.float64]
METHODS = ("correlation", "mst", "ph0", "box", "participation")
_LEAST_POINTS = 20
_MOST_POINTS = 2000
_MOST_COLUMNS = 64
_SURROGATES = 8
_CONTROL_ALPHA = 1.5
# Ratio of step lengths between halves of a path, and probability under equal laws, that make `nonstationary`.
_STEP_RATIO = 1.5
_STEP_LEVEL = 1e-4


def trajectory_dimension(
    path: ArrayLike, method: str = "correlation", level: float = 0.95, control: bool = False
) -> AnyEstimate:
    """Dimension of the set of points on a path (n, d), or on each of many (..., n, d).

    Args:
        path: points in order of time; more than 2,000 are thinned evenly, more than 64 columns projected.
        method: "correlation" (default), slope of log C(r) (Grassberger & Procaccia 1983) between three
            median steps and a quarter of the diameter or a tenth of the pairs; "mst", from the growth of the
            minimum spanning tree's length over random subsets of n/8 to 7n/8 points (Steele 1988); "ph0", the
            same of Σ edge^½, the edges being the lifetimes in 0-dimensional persistent homology (Birdal et
            al. 2021; what it says of generalisation is confounded: Tan et al. 2024); "box", counting;
            "participation", (Tr S)²/Tr S² of the points' covariance: a number of directions, which for a
            Brownian path in many dimensions is 2.5.
        level: coverage of the interval, from leaving out one of 8 blocks of time at a time. At 95% it holds
            the method's own mean on stable and Brownian paths (n = 200 and 1,000, d = 3 and 16) in 89–99%
            (correlation), 70–100% (mst, ph0), 61–91% (participation) and 12–84% (box) of them, and the
            dimension itself less often, as a reading is off by its finite size: "correlation" reads 1.04 to
            1.08 for a straight line in uneven steps and 2.6 for points in a cube.
        control: put the reading beside those of `dimension_controls` of this size: details
            `reading_line`, `reading_stable`, `reading_brownian`, `reading_white`, and (not for
            "participation") `calibrated`, `calibrated_low`, `calibrated_high`, the dimension at which
            controls read the same, by linear interpolation between them. That interval, at least as wide as
            the controls scatter, holds the dimension of those paths in 93–100% (correlation), 90–100% (mst,
            ph0) and 78–97% (box) of them.

    Returns:
        Estimate, of (..., n, d) an array (...,). Flags: `too_few_samples` (fewer than 20 points: NaN),
        `short_range` (radii span less than a decade, so the slope is a local one), `finite_set` (fewer than
        half of the points differ, of which the dimension is 0), `nonstationary` (steps of the second half
        longer or shorter by half: the slope mixes two paths), `unresolved` (with control: line, Brownian path
        and white noise do not read apart), `nonfinite_dropped` (points with NaN or infinite coordinates left
        out, detail `dropped_share`).

    Raises:
        EstimatorError: unknown method, wrong shape.
    """
    one_of(method, METHODS, "method", EstimatorError)
    x = np.asarray(path, dtype=np.float64)
    if x.ndim < 2:
        raise EstimatorError(f"path must have shape (n, d) or (..., n, d), got {x.shape}")
    return each(x, 2, lambda one: _of_path(one, method, level, control))


def _of_path(x: Array, method: str, level: float, control: bool) -> Estimate:
    kept, dropped = finite_rows(x)
    return with_dropped(_of_finite(kept, method, level, control), dropped)


def _of_finite(x: Array, method: str, level: float, control: bool) -> Estimate:
    if len(x) < _LEAST_POINTS:
        return Estimate(math.nan, math.nan, math.nan, level, method, len(x), ("too_few_samples",))
    # A dimension knows no scale: near 1 squares neither vanish nor overflow. A power of 2 rounds nothing.
    x = _reduced(np.ldexp(x, -int(np.frexp(np.abs(x).max())[1])))
    distinct = _distinct(x)
    if distinct < _LEAST_POINTS:
        return Estimate(0.0, math.nan, math.nan, level, method, len(x), ("finite_set", "no_interval"))
    flags = ["finite_set"] if distinct < len(x) / 2 else []
    flags += ["nonstationary"] if _steps_change(x) else []
    value, left_out, more = READINGS[method](x)
    flags += more
    kept = left_out[np.isfinite(left_out)]
    half = math.nan
    if len(kept) < 3 or not math.isfinite(value):
        flags.append("no_interval")
    else:
        b = len(kept)
        spread = math.sqrt((b - 1) / b * float(((kept - kept.mean()) ** 2).sum()))
        half = float(stdtrit(b - 1, 0.5 + level / 2)) * spread
    details: dict[str, float] = {}
    if control:
        controls = dimension_controls(len(x), x.shape[1], method)
        details, unresolved = _beside(controls, value, half, method, level)
        flags += ["unresolved"] if unresolved else []
    low, high = (float(x) for x in POSITIVE.interval(value, half))
    return Estimate(value, low, high, level, method, len(x), tuple(flags), details)


@dataclass(frozen=True)
class DimensionControl:
    """What a method reads on paths of known dimension.

    Attributes:
        name: "line", "stable" (isotropic, α = 1.5), "brownian" or "white" (independent Gaussian points).
        dimension: the known one: 1, min(d, 1.5), min(d, 2), d.
        reading: mean over 8 paths; NaN where the method gives no number.
        spread: standard deviation between them.
    """

    name: str
    dimension: float
    reading: float
    spread: float


@lru_cache(maxsize=128)
def dimension_controls(n: int, dim: int, method: str = "correlation") -> tuple[DimensionControl, ...]:
    """Readings of `trajectory_dimension` on paths of n points in `dim` dimensions whose dimension is known.

    In order of dimension: line, stable, brownian, white. Computed once for a size; more than 2,000 points or
    64 dimensions are taken as that many, as the estimator does.

    Raises:
        EstimatorError: unknown method, n below 20, dim below 1.
    """
    one_of(method, METHODS, "method", EstimatorError)
    if n < _LEAST_POINTS:
        raise EstimatorError(f"n must be at least {_LEAST_POINTS}, got {n}")
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    n, dim = min(n, _MOST_POINTS), min(dim, _MOST_COLUMNS)
    read = READINGS[method]
    line = np.arange(n)[:, None] * np.ones(dim)
    made = [DimensionControl("line", 1.0, read(line)[0], 0.0)]
    for name, alpha in (("stable", _CONTROL_ALPHA), ("brownian", 2.0), ("white", 2.0)):
        found = []
        for seed in range(_SURROGATES):
            steps = symmetric_draws(alpha, (n, dim), np.random.default_rng([seed, n, dim]))
            found.append(read(steps if name == "white" else np.cumsum(steps, axis=0))[0])
        known = float(dim) if name == "white" else min(float(dim), alpha)
        made.append(DimensionControl(name, known, float(np.mean(found)), float(np.std(found, ddof=1))))
    return tuple(made)


def correlation_sum(points: ArrayLike, radii: ArrayLike) -> Array:
    """C(r) = 2/(n(n−1)) #{i < j: |x_i − x_j| < r} of points (n, d) for each radius (m,).

    Raises:
        EstimatorError: wrong shape, fewer than two points, entries that are not finite.
    """
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise EstimatorError(f"points must have shape (n, d) with n at least 2, got {x.shape}")
    require_finite(points=x, radii=np.asarray(radii, dtype=np.float64))
    apart = distances(x - x.mean(axis=0))[np.triu_indices(len(x), 1)]
    return np.array([np.mean(apart < r) for r in np.atleast_1d(np.asarray(radii, dtype=np.float64))])


def box_counts(points: ArrayLike, sides: ArrayLike) -> NDArray[np.int64]:
    """Number of boxes of each side (m,), on the grid through the origin, that hold a point of (n, d).

    Raises:
        EstimatorError: wrong shape, a side that is not positive, entries that are not finite.
    """
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2:
        raise EstimatorError(f"points must have shape (n, d), got {x.shape}")
    if not np.all(np.asarray(sides) > 0):
        raise EstimatorError(f"sides must be positive, got {np.min(sides)}")
    require_finite(points=x, sides=np.asarray(sides, dtype=np.float64))
    # A point on a face belongs to the box above it, whatever the rounding.
    return np.array([len(np.unique(np.floor(x / side + 1e-9), axis=0)) for side in np.atleast_1d(sides)])


def _beside(
    controls: tuple[DimensionControl, ...], value: float, half: float, method: str, level: float
) -> tuple[dict[str, float], bool]:
    """Readings of the controls, the calibrated value, and whether the method tells them apart."""
    details = {f"reading_{c.name}": c.reading for c in controls}
    line, _, brownian, white = controls
    apart = (
        brownian.reading - line.reading > 2 * brownian.spread,
        white.reading - brownian.reading > 2 * (brownian.spread + white.spread),
    )
    if method == "participation":
        return details, not all(apart)
    readings = [0.0, *(c.reading for c in controls)]
    if all(a < b for a, b in pairwise(readings)):
        known = [0.0, *(c.dimension for c in controls)]
        # The blocks of one path share its shape; that of independent ones is seen in the controls.
        nearest = min(controls[1:3], key=lambda c: abs(c.reading - value))
        wide = max(half, float(stdtrit(_SURROGATES - 1, 0.5 + level / 2)) * nearest.spread)
        ends = {"calibrated": value, "calibrated_low": value - wide, "calibrated_high": value + wide}
        details |= {name: float(np.interp(at, readings, known)) for name, at in ends.items()}
    return details, not all(apart)


def _distinct(x: Array) -> int:
    """Number of different points, seen along a fixed direction."""
    direction = np.random.default_rng(1).standard_normal(x.shape[1])
    return len(np.unique(x @ direction))


def _steps_change(x: Array) -> bool:
    """Whether steps of one half are longer than those of the other (rank sum), and by half."""
    moves = np.linalg.norm(np.diff(x, axis=0), axis=1)
    m = len(moves) // 2
    first, second = moves[:m], moves[-m:]
    middle = sorted((float(np.median(first)), float(np.median(second))))
    if not middle[1] > _STEP_RATIO * middle[0]:
        return False
    wins = np.searchsorted(np.sort(first), second).sum()
    z = abs(wins - m * m / 2) / math.sqrt(m * m * (2 * m + 1) / 12)
    return bool(2 * ndtr(-z) < _STEP_LEVEL)


def _reduced(x: Array) -> Array:
    """At most 2,000 points in at most 64 dimensions (a fixed random rotation cut off)."""
    if len(x) > _MOST_POINTS:
        x = x[np.linspace(0, len(x) - 1, _MOST_POINTS).round().astype(int)]
    if x.shape[1] > _MOST_COLUMNS:
        rng = np.random.default_rng(0)
        x = x @ rng.standard_normal((x.shape[1], _MOST_COLUMNS)) / math.sqrt(_MOST_COLUMNS)
    return x
