"""Dimension of a training path: deduced from the tail index (§8), and measured on the path itself.

The deduced one is a hypothesis: paths of an α-stable process have dimension min(d, α) (Blumenthal &
Getoor 1960), and 2 as soon as a Brownian part is present (d ≥ 2). The literal form is min(d, α) always.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimators._estimate import Estimate

Array = NDArray[np.float64]
METHODS = ("correlation", "mst", "box", "participation")
_LEAST_POINTS = 20
_MOST_POINTS = 2000
_MOST_COLUMNS = 64
_TREE_POINTS = 600
_BLOCKS = 8
_RADII = 12


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


def trajectory_dimension(path: ArrayLike, method: str = "correlation", level: float = 0.95) -> Estimate:
    """Dimension of the set of points on a path (n, d).

    Args:
        path: points in order of time; more than 2,000 are thinned evenly, more than 64 columns projected.
        method: "correlation" (default), slope of log C(r) (Grassberger & Procaccia 1983) between three
            median steps and a quarter of the diameter; "mst", from the growth of the minimum spanning
            tree's length with n (Steele 1988); "box", counting; "participation", (Tr S)²/Tr S² of the
            points' covariance.
        level: coverage of the interval, from leaving out one of 8 blocks of time at a time.

    Returns:
        Estimate. Flags: `too_few_samples` (fewer than 20 points: NaN), `short_range` (radii span less than
        a decade, so the slope is a local one), `finite_set`.

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
    x = _reduced(x)
    if not np.ptp(x, axis=0).max() > 0:
        return Estimate(0.0, math.nan, math.nan, level, method, len(x), ("finite_set", "no_interval"))
    made = {
        "correlation": _correlation,
        "mst": _spanning_tree,
        "box": _box,
        "participation": _participation,
    }[method](x)
    value, left_out, flags = made
    kept = left_out[np.isfinite(left_out)]
    if len(kept) < 3 or not math.isfinite(value):
        return Estimate(value, math.nan, math.nan, level, method, len(x), (*flags, "no_interval"))
    b = len(kept)
    spread = math.sqrt((b - 1) / b * float(((kept - kept.mean()) ** 2).sum()))
    half = float(stdtrit(b - 1, 0.5 + level / 2)) * spread
    return Estimate(value, value - half, value + half, level, method, len(x), flags)


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


def _correlation(x: Array) -> tuple[float, Array, tuple[str, ...]]:
    x = x - x.mean(axis=0)
    apart = _distances(x)
    moves = np.linalg.norm(np.diff(x, axis=0), axis=1)
    # A trajectory that has stopped repeats its last point.
    step = float(np.median(moves[moves > 0]))
    low, high = 3 * step, float(apart.max()) / 4
    flags: tuple[str, ...] = ()
    if not high > 10 * low:
        flags = ("short_range",)
    if not high > 2 * low:
        pairs = apart[np.triu_indices(len(x), 1)]
        low, high = (float(q) for q in np.quantile(pairs[pairs > 0], [0.02, 0.25]))
    radii = np.geomspace(low, high, _RADII)
    block = np.minimum(np.arange(len(x)) * _BLOCKS // len(x), _BLOCKS - 1)
    counts = np.zeros((_BLOCKS, _BLOCKS, _RADII))
    for a in range(_BLOCKS):
        for b in range(a, _BLOCKS):
            part = apart[np.ix_(block == a, block == b)]
            found = np.searchsorted(np.sort(part.ravel()), radii).astype(float)
            # A point is not its own neighbour, and pairs inside a block were counted twice.
            counts[a, b] = (found - part.shape[0]) / 2 if a == b else found
    t = np.log(radii)

    def slope(c: Array) -> float:
        with np.errstate(divide="ignore"):
            return _slope(t, np.where(c > 0, np.log(np.maximum(c, 1e-300)), np.nan))

    whole = counts.sum(axis=(0, 1))
    left = [
        slope(whole - counts[b].sum(axis=0) - counts[:, b].sum(axis=0) + counts[b, b]) for b in range(_BLOCKS)
    ]
    return slope(whole), np.array(left), flags


def _spanning_tree(x: Array) -> tuple[float, Array, tuple[str, ...]]:
    """Length ∝ n^{(D−1)/D} over random subsets of n/8 … n points, so D = 1/(1 − slope)."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    if len(x) > _TREE_POINTS:
        x = x[np.linspace(0, len(x) - 1, _TREE_POINTS).round().astype(int)]
    # A distance of exactly 0 would read as "no edge".
    apart = _distances(x) + 1e-300

    def dimension(points: NDArray[np.int64], rng: np.random.Generator) -> float:
        sizes = np.unique(np.geomspace(max(8, len(points) / 8), len(points), 6).astype(int))
        lengths = []
        for size in sizes:
            rows = [rng.choice(points, size, replace=False) for _ in range(1 if size == len(points) else 3)]
            lengths.append(np.mean([minimum_spanning_tree(apart[np.ix_(r, r)]).sum() for r in rows]))
        slope = _slope(np.log(sizes.astype(float)), np.log(lengths))
        return 1 / (1 - slope) if slope < 1 else math.inf

    everything = np.arange(len(x))
    block = everything * _BLOCKS // len(x)
    left = [dimension(everything[block != b], np.random.default_rng(b + 1)) for b in range(_BLOCKS)]
    return dimension(everything, np.random.default_rng(0)), np.array(left), ()


def _box(x: Array) -> tuple[float, Array, tuple[str, ...]]:
    """Boxes of side ε = extent/2^j from one half down to where a box holds about two points."""
    x = (x - x.min(axis=0)) / np.ptp(x, axis=0).max()

    def count(points: Array, level: int) -> int:
        cells = np.minimum((points * 2**level).astype(np.int64), 2**level - 1)
        return len(np.unique(cells, axis=0))

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
    return value, left, ("short_range",) if used < 5 else ()


def _participation(x: Array) -> tuple[float, Array, tuple[str, ...]]:
    def ratio(points: Array) -> float:
        covariance = np.atleast_2d(np.cov(points, rowvar=False))
        return float(np.trace(covariance) ** 2 / (covariance**2).sum())

    block = np.arange(len(x)) * _BLOCKS // len(x)
    return ratio(x), np.array([ratio(x[block != b]) for b in range(_BLOCKS)]), ()
