"""How a path shows its dimension: a value, the values with a block of time left out, and flags."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Reading = tuple[float, Array, list[str]]
_TREE_POINTS = 600
_TREE_SIZES = 5
_TREE_REPEATS = 3
_BLOCKS = 8
_RADII = 12
# Power of the edges: the length itself (Steele), and one less led by single long jumps.
_TREE_POWERS = {"mst": 1.0, "ph0": 0.5}


def distances(x: Array) -> Array:
    """|x_i − x_j| of points (n, d), (n, n)."""
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
    apart = distances(x)
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
    apart = distances(x)
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


READINGS: dict[str, Callable[[Array], Reading]] = {
    "correlation": _correlation,
    "mst": lambda x: _spanning_tree(x, _TREE_POWERS["mst"]),
    "ph0": lambda x: _spanning_tree(x, _TREE_POWERS["ph0"]),
    "box": _box,
    "participation": _participation,
}
