"""Dimension of a training path: deduced from the tail index (§8), and measured on the path itself.

The deduced one is a hypothesis: paths of an α-stable process have dimension min(d, α) (Blumenthal &
Getoor 1960), and 2 as soon as a Brownian part is present (d ≥ 2). The literal form is min(d, α) always.

A measured one is a slope over the few scales that n points show, and is far from its limit at the sizes at
hand. So every reading can be put beside those of paths of known dimension and the same size
(`dimension_controls`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.tails.symmetric import symmetric_draws

Array = NDArray[np.float64]
Reading = tuple[float, Array, list[str]]
METHODS = ("correlation", "mst", "ph0", "box", "participation")
_LEAST_POINTS = 20
_MOST_POINTS = 2000
_MOST_COLUMNS = 64
_TREE_POINTS = 600
_TREE_SIZES = 5
_TREE_REPEATS = 3
_BLOCKS = 8
_RADII = 12
# Power of the edges: the length itself (Steele), and one less led by single long jumps.
_TREE_POWERS = {"mst": 1.0, "ph0": 0.5}
_SURROGATES = 8
_CONTROL_ALPHA = 1.5
# Ratio of step lengths between halves of a path, and probability under equal laws, that make `nonstationary`.
_STEP_RATIO = 1.5
_STEP_LEVEL = 1e-4


def effective_dimension(
    dim: int, alpha: float | Estimate, gaussian_part: bool = False, method: str = "corrected"
) -> Estimate:
    """d_H deduced from d and α.

    corrected: min(d, 2) with a Gaussian part or where α is not told apart from 2 (flag
    `gaussian_not_rejected` of `tail_index`), else min(d, α), at least min(d, 1) because of the drift;
    literal: min(d, α) (§8.2). Always flagged `hypothetical`: it is not a measurement.

    Raises:
        EstimatorError: dim < 1, unknown method.
    """
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    if method not in ("corrected", "literal"):
        raise EstimatorError(f"method must be 'corrected' or 'literal', got {method!r}")
    e = alpha if isinstance(alpha, Estimate) else Estimate(float(alpha), math.nan, math.nan, 0.95, "given", 1)
    flags = tuple(dict.fromkeys((*e.flags, "hypothetical")))
    if method == "literal":
        form: Callable[[float], float] = lambda a: min(float(dim), a)  # noqa: E731
    elif gaussian_part or e.has("gaussian_not_rejected"):
        top = min(float(dim), 2.0)
        low = top if gaussian_part or math.isnan(e.low) else min(top, max(e.low, min(dim, 1.0)))
        return Estimate(top if not math.isnan(e.value) or gaussian_part else math.nan, low, top, e.level,
                        method, e.n, flags)  # fmt: skip
    else:
        form = lambda a: min(float(dim), max(min(a, 2.0), 1.0)) if not math.isnan(a) else a  # noqa: E731
    return Estimate(form(e.value), form(e.low), form(e.high), e.level, method, e.n, flags)


def trajectory_dimension(
    path: ArrayLike, method: str = "correlation", level: float = 0.95, control: bool = False
) -> Estimate:
    """Dimension of the set of points on a path (n, d).

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
        Estimate. Flags: `too_few_samples` (fewer than 20 points: NaN), `short_range` (radii span less than
        a decade, so the slope is a local one), `finite_set` (fewer than half of the points differ, of which
        the dimension is 0), `nonstationary` (steps of the second half longer or shorter by half: the slope
        mixes two paths), `unresolved` (with control: line, Brownian path and white noise do not read apart).

    Raises:
        EstimatorError: unknown method, wrong shape.
    """
    if method not in METHODS:
        raise EstimatorError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    x = np.asarray(path, dtype=np.float64)
    if x.ndim != 2:
        raise EstimatorError(f"path must have shape (n, d), got {x.shape}")
    x = x[np.isfinite(x).all(axis=1)]
    if len(x) < _LEAST_POINTS:
        return Estimate(math.nan, math.nan, math.nan, level, method, len(x), ("too_few_samples",))
    # A dimension knows no scale: near 1 squares neither vanish nor overflow. A power of 2 rounds nothing.
    x = _reduced(np.ldexp(x, -int(np.frexp(np.abs(x).max())[1])))
    distinct = _distinct(x)
    if distinct < _LEAST_POINTS:
        return Estimate(0.0, math.nan, math.nan, level, method, len(x), ("finite_set", "no_interval"))
    flags = ["finite_set"] if distinct < len(x) / 2 else []
    flags += ["nonstationary"] if _steps_change(x) else []
    value, left_out, more = _READINGS[method](x)
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
    return Estimate(value, value - half, value + half, level, method, len(x), tuple(flags), details)


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
    if method not in METHODS:
        raise EstimatorError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if n < _LEAST_POINTS:
        raise EstimatorError(f"n must be at least {_LEAST_POINTS}, got {n}")
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    n, dim = min(n, _MOST_POINTS), min(dim, _MOST_COLUMNS)
    read = _READINGS[method]
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
        EstimatorError: wrong shape, fewer than two points.
    """
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2 or len(x) < 2:
        raise EstimatorError(f"points must have shape (n, d) with n at least 2, got {x.shape}")
    apart = _distances(x - x.mean(axis=0))[np.triu_indices(len(x), 1)]
    return np.array([np.mean(apart < r) for r in np.atleast_1d(np.asarray(radii, dtype=np.float64))])


def box_counts(points: ArrayLike, sides: ArrayLike) -> NDArray[np.int64]:
    """Number of boxes of each side (m,), on the grid through the origin, that hold a point of (n, d).

    Raises:
        EstimatorError: wrong shape, a side that is not positive.
    """
    x = np.asarray(points, dtype=np.float64)
    if x.ndim != 2:
        raise EstimatorError(f"points must have shape (n, d), got {x.shape}")
    if not np.all(np.asarray(sides) > 0):
        raise EstimatorError(f"sides must be positive, got {sides!r}")
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


def _distances(x: Array) -> Array:
    square = np.einsum("ij,ij->i", x, x)
    return np.asarray(np.sqrt(np.maximum(square[:, None] + square[None, :] - 2 * x @ x.T, 0.0)))


def _slope(t: Array, y: Array) -> float:
    usable = np.isfinite(y)
    if usable.sum() < 3:
        return math.nan
    t, y = t[usable] - t[usable].mean(), y[usable]
    return float(t @ y / (t @ t))


def _correlation(x: Array) -> Reading:
    x = x - x.mean(axis=0)
    apart = _distances(x)
    moves = np.linalg.norm(np.diff(x, axis=0), axis=1)
    # A trajectory that has stopped repeats its last point.
    step = float(np.median(moves[moves > 0]))
    pairs = apart[np.triu_indices(len(x), 1)]
    pairs = np.sort(pairs[pairs > 0])
    # Beyond a tenth of the pairs C(r) bends towards 1.
    low, high = 3 * step, min(float(pairs[-1]) / 4, float(pairs[len(pairs) // 10]))
    flags = [] if high > 10 * low else ["short_range"]
    if not high > 2 * low:
        low, high = float(pairs[len(pairs) // 50]), float(pairs[len(pairs) // 4])
    # Off the distances themselves, whose last bits would decide (steps of one length are a lattice).
    radii = np.geomspace(low, high, _RADII) * (1 + 1e-6)
    block = np.arange(len(x)) * _BLOCKS // len(x)
    edges = np.searchsorted(block, np.arange(_BLOCKS + 1))
    counts = np.zeros((_BLOCKS, _BLOCKS, _RADII))
    # The bin of every pair once, then a histogram for each pair of blocks.
    bins = np.searchsorted(radii, apart.ravel()).reshape(apart.shape)
    for a in range(_BLOCKS):
        rows = bins[edges[a] : edges[a + 1]]
        for b in range(a, _BLOCKS):
            part = rows[:, edges[b] : edges[b + 1]]
            found = np.cumsum(np.bincount(part.ravel(), minlength=_RADII + 1)[:_RADII]).astype(float)
            # A point is not its own neighbour, and pairs inside a block were counted twice.
            counts[a, b] = (found - part.shape[0]) / 2 if a == b else found
    t = np.log(radii)

    def slope(c: Array) -> float:
        return _slope(t, np.where(c > 0, np.log(np.maximum(c, 1e-300)), np.nan))

    whole = counts.sum(axis=(0, 1))
    left = [
        slope(whole - counts[b].sum(axis=0) - counts[:, b].sum(axis=0) + counts[b, b]) for b in range(_BLOCKS)
    ]
    return slope(whole), np.array(left), flags


def _trees(apart: Array, rows: NDArray[np.int64]) -> Array:
    """Edges (B, m−1) of the minimum spanning trees of subsets `rows` (B, m) of points (Prim, all at once)."""
    count, size = rows.shape
    each = np.arange(count)
    inside = apart[rows[:, :, None], rows[:, None, :]]
    near = inside[:, 0].copy()
    near[:, 0] = math.inf
    taken = np.zeros((count, size))
    taken[:, 0] = math.inf
    edges = np.empty((count, size - 1))
    for k in range(size - 1):
        to = near.argmin(axis=1)
        edges[:, k] = near[each, to]
        taken[each, to] = math.inf
        np.minimum(near, inside[each, to], out=near)
        np.maximum(near, taken, out=near)
    return edges


def _spanning_tree(x: Array, power: float) -> Reading:
    """Σ edge^γ ∝ n^{(D−γ)/D} over random subsets of n/8 … 7n/8 points, so D = γ/(1 − slope)."""
    if len(x) > _TREE_POINTS:
        x = x[np.linspace(0, len(x) - 1, _TREE_POINTS).round().astype(int)]
    apart = _distances(x)
    everything = np.arange(len(x))
    block = everything * _BLOCKS // len(x)
    sets = [everything, *(everything[block != b] for b in range(_BLOCKS))]
    generators = [np.random.default_rng(b) for b in range(len(sets))]
    fewest = min(len(p) for p in sets)
    sizes = np.unique(np.geomspace(max(8, len(x) / 8), fewest, _TREE_SIZES).astype(int))
    sums = np.empty((len(sets), len(sizes)))
    for k, size in enumerate(sizes):
        # Subsets of one size are grown together.
        rows = [
            g.choice(p, size, replace=False)
            for g, p in zip(generators, sets, strict=True)
            for _ in range(_TREE_REPEATS)
        ]
        sums[:, k] = (
            (_trees(apart, np.array(rows)) ** power).sum(axis=1).reshape(-1, _TREE_REPEATS).mean(axis=1)
        )
    made = []
    for total in sums:
        slope = _slope(np.log(sizes.astype(float)), np.log(total))
        made.append(power / (1 - slope) if slope < 1 else math.inf)
    return made[0], np.array(made[1:]), []


def _box(x: Array) -> Reading:
    """Boxes of side ε = extent/2^j from one half down to where a box holds about two points."""
    x = (x - x.min(axis=0)) / np.ptp(x, axis=0).max()
    direction = np.random.default_rng(1).integers(1, 2**62, x.shape[1]) | 1

    def count(points: Array, level: int) -> int:
        cells = np.minimum((points * 2**level).astype(np.int64), 2**level - 1)
        # Cells numbered along a random direction: far cheaper to sort than rows, and as distinct.
        return len(np.unique(cells @ direction))

    def dimension(points: Array) -> tuple[float, int]:
        levels, counts = [], []
        for level in range(1, 30):
            found = count(points, level)
            if found > len(points) / 2:
                break
            levels.append(level)
            counts.append(found)
        if len(levels) < 2:
            return math.nan, len(levels)
        t = np.array(levels) * math.log(2)
        y = np.log(counts)
        t = t - t.mean()
        return float(t @ y / (t @ t)), len(levels)

    value, used = dimension(x)
    block = np.arange(len(x)) * _BLOCKS // len(x)
    left = np.array([dimension(x[block != b])[0] for b in range(_BLOCKS)])
    return value, left, ["short_range"] if used < 5 else []


def _participation(x: Array) -> Reading:
    def ratio(points: Array) -> float:
        covariance = np.atleast_2d(np.cov(points, rowvar=False))
        return float(np.trace(covariance) ** 2 / (covariance**2).sum())

    block = np.arange(len(x)) * _BLOCKS // len(x)
    return ratio(x), np.array([ratio(x[block != b]) for b in range(_BLOCKS)]), []


_READINGS: dict[str, Callable[[Array], Reading]] = {
    "correlation": _correlation,
    "mst": lambda x: _spanning_tree(x, _TREE_POWERS["mst"]),
    "ph0": lambda x: _spanning_tree(x, _TREE_POWERS["ph0"]),
    "box": _box,
    "participation": _participation,
}
