"""C of draws that come block by block and are not kept: sums of G groups, and a delete-a-group jackknife.

Draw i goes to group i mod G, which keeps n_g, S_g = Σ g_i and q_g = Σ |g_i|². With S = Σ S_g and n draws

    |ḡ|² = |S|²/n²,   Tr Σ̂ = (Σ q_g − |S|²/n)/(n − 1),   M = |ḡ|² − Tr Σ̂/n,   C = M/Tr Σ̂,

and without group g the same of what is left, which the products S_g·S give. Errors are those of the
jackknife, of G − 1 degrees of freedom. They hold the term 2 Tr Σ²/n² of Var M, which single draws at μ = 0
leave twice as large (Efron & Stein, Ann. Stat. 9, 1981), so that they err to the wide side there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]
GROUPS = 32


@dataclass(frozen=True)
class GroupedRatio:
    """What n draws say.

    Attributes:
        draws: n. groups: G, of which errors are.
        ratio: C, freed of its bias; signal: M; noise: Tr Σ̂. Each with its standard error.
        rise: 4h/n, h the share of Tr Σ along ḡ, by which the variance of C grows with C itself.
    """

    draws: int
    groups: int
    ratio: float
    ratio_error: float
    signal: float
    signal_error: float
    noise: float
    noise_error: float
    rise: float

    def half_width(self, level: float) -> float:
        """Half of the interval of C at a level (`ratio_ends`)."""
        low, high = ratio_ends(self.ratio, self.ratio_error, self.rise, self.groups, level)
        return float(0.5 * (high - low))


def ratio_ends(
    c: ArrayLike, error: ArrayLike, rise: ArrayLike, groups: ArrayLike, level: float
) -> tuple[Array, Array]:
    """C − t v^{1/2}, and the C₀ above C with (C₀ − C)² = t² (v + rise (C₀ − C)), as of a score.

    Args:
        c: C (...,). error: v^{1/2}. rise, groups: as of `GroupedRatio`. level: nominal coverage.
    """
    value, spread, slope = (np.asarray(x, dtype=np.float64) for x in (c, error, rise))
    # Of no draws there is no degree of freedom, and no error either.
    t = stdtrit(np.fmax(np.asarray(groups, dtype=np.float64) - 1, 1), 0.5 + level / 2)
    half = 0.5 * t * t * slope
    return value - t * spread, value + half + np.hypot(half, t * spread)


class GroupSums:
    """Draws of one θ as sums of groups.

    Args:
        dim: d. groups: G ≥ 2.
    """

    def __init__(self, dim: int, groups: int = GROUPS) -> None:
        self._sums, self._squares = np.zeros((groups, dim)), np.zeros(groups)
        self._counts = np.zeros(groups, dtype=np.int64)
        self._at = 0

    @property
    def draws(self) -> int:
        """n."""
        return int(self._counts.sum())

    @property
    def mean(self) -> Array:
        """ḡ (d,)."""
        return np.asarray(self._sums.sum(axis=0) / self.draws)

    def add(self, draws: Array) -> None:
        """More draws (m, d), dealt out in turn."""
        groups, dim = self._sums.shape
        order = (self._at + np.arange(groups)) % groups
        squares = np.einsum("ij,ij->i", draws, draws)
        turns = len(draws) // groups
        whole = turns * groups
        self._sums[order] += draws[:whole].reshape(turns, groups, dim).sum(axis=0)
        self._squares[order] += squares[:whole].reshape(turns, groups).sum(axis=0)
        self._counts[order] += turns
        rest = order[: len(draws) - whole]
        self._sums[rest] += draws[whole:]
        self._squares[rest] += squares[whole:]
        self._counts[rest] += 1
        self._at = (self._at + len(draws)) % groups

    def read(self) -> GroupedRatio:
        """What the draws so far say; NaN errors where a group is empty or but one draw would be left."""
        n, whole = self.draws, self._sums.sum(axis=0)
        square = float(whole @ whole)
        along, own = self._sums @ whole, np.einsum("ij,ij->i", self._sums, self._sums)
        signal, noise = _parts(square, float(self._squares.sum()), n)
        left = n - self._counts
        groups = len(left)
        if not self._counts.all() or left.min() < 2:
            nothing = math.nan
            c = signal / noise if noise > 0 else math.nan
            return GroupedRatio(n, groups, c, nothing, signal, nothing, noise, nothing, nothing)
        without = _parts(square - 2 * along + own, float(self._squares.sum()) - self._squares, left)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio, size = np.float64(signal) / noise, np.float64(math.sqrt(square))
            ratios = without[0] / without[1]
            # Sums of n_g draws spread by n_g times the variance along ḡ.
            steps = along / size - self._counts * size / n
            share = float((steps**2 / self._counts).sum() / (groups - 1) / np.float64(noise))
        errors = [_error(x) for x in (ratios, without[0], without[1])]
        return GroupedRatio(
            n, groups, float(ratio), errors[0], signal, errors[1], noise, errors[2], 4 * min(share, 1.0) / n
        )


def _parts(square: Any, squares: Any, n: Any) -> tuple[Any, Any]:
    """M and Tr Σ̂ of n draws, from |S|² and Σ|g|²."""
    noise = (squares - square / n) / (n - 1)
    return square / n**2 - noise / n, noise


def _error(without: Array) -> float:
    """Jackknife standard error from the values without each group."""
    return math.sqrt((len(without) - 1) * float(without.var()))
