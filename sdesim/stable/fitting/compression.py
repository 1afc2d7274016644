"""A large sample as few weighted points: sums of smooth functions over it, exact to an interpolation's error.

In t = arsinh x the ordered sample is cut into panels. On one of them g(x_i) = Σ_j l_j(t_i) g(x_j) with the
polynomials l_j of Lagrange at Chebyshev points, hence Σ_i g(x_i) = Σ_j w_j g(x_j), w_j = Σ_i l_j(t_i): a
likelihood of 10⁶ values costs as much as one of some hundreds. A panel spans no more than its own values, so
that no point lies beyond the sample; one with few values keeps them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.int64]

NODES = 10
WIDTH = 0.4
# Samples up to this size are their own points.
LARGEST_WHOLE = 200
_CHEBYSHEV = np.cos(math.pi * (np.arange(NODES) + 0.5) / NODES)[::-1]
# (2 − δ_k0)/K T_k(node j): coefficients of a function from its values.
_TRANSFORM = np.cos(np.outer(np.arange(NODES), np.arccos(_CHEBYSHEV))) * (2.0 / NODES)
_TRANSFORM[0] *= 0.5


@dataclass(frozen=True)
class Compressed:
    """A sample by weighted points.

    Attributes:
        t: arsinh of the ordered sample (n,).
        starts: first place of each panel (p,), ascending.
        points: (m,) of x, those of panels first.
        weights: (m,), their sum n; some may be negative.
        wide: the panels (q,) that are interpolated, NODES points each; the others' points are their values.
    """

    t: Array
    starts: Places
    points: Array
    weights: Array
    wide: Places

    @cached_property
    def ends(self) -> Places:
        """One past the last place of each panel (p,)."""
        return np.append(self.starts[1:], self.t.size)

    @property
    def exact(self) -> bool:
        """Whether every value is its own point."""
        return self.wide.size == 0

    def errors(self, values: Array) -> Array:
        """Size of what Σ leaves out over each wide panel (q,), for a function's values (m,) at the points.

        The last two coefficients, times the panel's count: more than the series leaves out if it converges.
        """
        if self.exact:
            return np.zeros(0)
        with np.errstate(invalid="ignore"):
            series = values[: NODES * self.wide.size].reshape(-1, NODES) @ _TRANSFORM[-2:].T
        return np.asarray(np.abs(series).sum(axis=1) * (self.ends - self.starts)[self.wide])

    def split(self, worst: Places) -> Compressed:
        """With those of the wide panels (places in `wide`) cut into four."""
        cuts = [np.linspace(self.starts[k], self.ends[k], 5)[1:-1].astype(np.int64) for k in self.wide[worst]]
        return _compress(self.t, np.unique(np.concatenate([self.starts, *cuts])))


def compress(ordered: Array) -> Compressed:
    """Compressed form of an ordered sample (n,) with median near 0 and scale near 1."""
    t = np.arcsinh(ordered)
    if t.size <= LARGEST_WHOLE:
        return Compressed(
            t, np.zeros(1, dtype=np.int64), ordered, np.ones(t.size), np.zeros(0, dtype=np.int64)
        )
    cell = np.floor(t / WIDTH)
    return _compress(t, np.append(0, np.flatnonzero(np.diff(cell)) + 1))


def _compress(t: Array, starts: Places) -> Compressed:
    ends = np.append(starts[1:], t.size)
    low, high = t[starts], t[ends - 1]
    # Equal values need no polynomial.
    wide = np.flatnonzero((ends - starts > NODES) & (high > low))
    points, weights = [np.zeros(0)], [np.zeros(0)]
    for k in wide:
        place = (2.0 * t[starts[k] : ends[k]] - (low[k] + high[k])) / (high[k] - low[k])
        moments = np.empty(NODES)
        before, now = np.ones_like(place), place
        moments[0], moments[1] = place.size, now.sum()
        for j in range(2, NODES):
            before, now = now, 2.0 * place * now - before
            moments[j] = now.sum()
        points.append(np.sinh(0.5 * (low[k] + high[k]) + 0.5 * (high[k] - low[k]) * _CHEBYSHEV))
        weights.append(_TRANSFORM.T @ moments)
    narrow = np.ones(starts.size, dtype=bool)
    narrow[wide] = False
    kept = np.sinh(t[np.repeat(narrow, ends - starts)])
    return Compressed(
        t, starts, np.concatenate([*points, kept]), np.concatenate([*weights, np.ones(kept.size)]), wide
    )
