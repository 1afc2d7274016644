"""What a comparison could have seen: the difference that it finds with probability 0.9, and the seeds for it.

The tests are those of `quantity.judge`, simulated under normal noise with the seeds' covariance over time. A
difference d_t, in units of the seeds' spread, is seen where

- few seeds: mean_t |d_t + e_t| √(ν/χ²_ν) exceeds the limit of the null distance, ν = n_r − 1;
- enough for permutations: mean_t |d_t + e_t|/v_t, v_t² = (1 − 2/N) χ²_{N−2}/(N − 2) + q d_t², exceeds what
  exchanged labels give, mean_t √((1/n_s + 1/n_r) N/(N − 1)) |√(1 − 2/N) e′_t + √q d_t g|/v_t, at the level
  that Holm's correction leaves it: α over the number of quantities that are not told apart yet.

N = n_s + n_r, q = n_s n_r/N², e = e_s/√n_s + e_r/√n_r with e_s, e_r, e′ drawn from the seeds' covariances, g
standard normal. Random numbers are the same for every quantity and size, so that power grows smoothly.
How often what is stated is seen: ``analysis/support``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np

from sdesim.comparison import statistics as stats
from sdesim.comparison.align import Aligned, Array
from sdesim.estimators.core.power import PROBABILITY, Power

LIMIT = 1000
_DRAWS = 2000
_TIMES = 32
# In spreads; what takes more to be seen is never seen.
_LARGEST = 1e3


def power_of(pair: Aligned, level: float, count: int, undecided: int) -> Power | None:
    """The difference, constant over time in spreads of the real seeds, that would have been seen, and the
    seeds in each arm at which the measured one would be.

    The measured difference is freed of what chance adds to its square: d_t √(1 − E|e|²/|d|²).

    Args:
        pair: both arms at their common times.
        level: of the comparison.
        count: quantities compared. undecided: those of them that are not told apart, this one included.

    Returns:
        None where the real seeds give no yardstick.
    """
    model = _Model.of(pair)
    if model is None:
        return None
    alpha = 1 - level
    n_s, n_r = len(pair.simulated), len(pair.real)
    one = np.ones(model.times)

    def seen(n_s: int, n_r: int, d: Array) -> bool:
        return model.power(n_s, n_r, d, alpha, count, undecided) >= PROBABILITY

    difference = _least(lambda x: seen(n_s, n_r, x * one))
    measured = model.measured(n_s, n_r)
    size = float(np.abs(measured).mean())
    needed = _fewest(lambda n: seen(n, n, measured), min(n_s, n_r) + 1) if size > 0 else None
    return Power(difference, size, needed, LIMIT, "seeds", model.unit)


def _least(holds: Callable[[float], bool]) -> float:
    """Smallest x at which it holds, to 1%; NaN where none does."""
    low, high = 0.0, 1.0
    while not holds(high):
        low, high = high, 2 * high
        if high > _LARGEST:
            return math.nan
    while high - low > 0.01 * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _fewest(holds: Callable[[int], bool], start: int) -> int | None:
    """Smallest number from `start` on at which it holds; None where there is none up to `LIMIT`."""
    low, high = start - 1, start
    while not holds(high):
        if high >= LIMIT:
            return None
        low, high = high, min(2 * high, LIMIT)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


@lru_cache(maxsize=32)
def _normal(stream: int, columns: int) -> Array:
    """Standard normal numbers (_DRAWS, columns), always the same."""
    return np.random.default_rng((stream, columns)).standard_normal((_DRAWS, columns))


@lru_cache(maxsize=256)
def _chi(df: int) -> Array:
    """√(χ²_df/df) (_DRAWS,) from the same uniform numbers for each df, so that it is smooth in it."""
    from scipy.special import gammaincinv

    u = np.random.default_rng(3).random(_DRAWS)
    return np.asarray(np.sqrt(2 * gammaincinv(df / 2, u) / df))


@dataclass(frozen=True)
class _Model:
    """Normal noise of both arms in units of the real spread.

    Attributes:
        simulated, real, mixed: e_s, e_r and e′ of one seed each (_DRAWS, T).
        gap: measured d_t (T,). scatter: E e_t² of one seed of each arm, (2, T).
        unit: the spread itself, its mean over time.
    """

    simulated: Array
    real: Array
    mixed: Array
    gap: Array
    scatter: Array
    unit: float

    @classmethod
    def of(cls, pair: Aligned) -> _Model | None:
        s = stats.spread(pair.real)
        usable = np.flatnonzero(s > 0)
        if len(pair.real) < 3 or not usable.size:
            return None
        if usable.size > _TIMES:
            usable = usable[np.unique(np.linspace(0, usable.size - 1, _TIMES).round().astype(int))]
        scale = s[usable]
        sim, real = (x[:, usable] / scale for x in (pair.simulated, pair.real))
        if not (np.isfinite(sim).all() and np.isfinite(real).all()):
            return None
        # A single simulated seed shows no scatter of its own: that of the real ones is taken.
        own = sim if len(sim) > 2 else real
        noises = [x - x.mean(axis=0) for x in (own, real)]
        parts = [_normal(k, len(x)) @ x / math.sqrt(len(x) - 1) for k, x in enumerate([*noises, *noises])]
        n_s, n_r = len(own), len(real)
        mixed = (math.sqrt(n_s) * parts[2] + math.sqrt(n_r) * parts[3]) / math.sqrt(n_s + n_r)
        scatter = np.stack([x.var(axis=0) * len(x) / (len(x) - 1) for x in noises])
        gap = sim.mean(axis=0) - real.mean(axis=0)
        return cls(parts[0], parts[1], mixed, gap, scatter, float(s[usable].mean()))

    @property
    def times(self) -> int:
        return len(self.gap)

    def measured(self, n_s: int, n_r: int) -> Array:
        """d_t (T,), freed of chance."""
        chance = float((self.scatter[0] / n_s + self.scatter[1] / n_r).mean())
        square = float((self.gap**2).mean())
        return self.gap * math.sqrt(max(0.0, 1 - chance / square)) if square > 0 else self.gap

    def power(self, n_s: int, n_r: int, d: Array, alpha: float, count: int, undecided: int) -> float:
        """Probability that d (T,) is seen with so many seeds."""
        smallest = (2.0 if n_s == n_r else 1.0) / min(comb(n_s + n_r, n_s), stats.MAX_PERMUTATIONS)
        if smallest * count > alpha:
            own = 1 / _chi(n_r - 1)
            null = math.sqrt(1 / n_s + 1 / n_r) * np.abs(self.real).mean(axis=1) * own
            limit = float(np.quantile(null, 1 - alpha / count))
            return float((np.abs(d + self._noise(n_s, n_r)).mean(axis=1) * own > limit).mean())
        limit = self._split_limit(n_s, n_r, d, alpha / undecided)
        return float((self._split_statistic(n_s, n_r, d) > limit).mean())

    def _split_statistic(self, n_s: int, n_r: int, d: Array) -> Array:
        """The statistic of `permutation_test` (_DRAWS,) where d is there."""
        total = n_s + n_r
        chi = _chi(total - 2)[:, None]
        v2 = (1 - 2 / total) * self._mixed_scatter(n_s, n_r) * chi**2 + n_s * n_r / total**2 * d**2
        return _mean_over(d + self._noise(n_s, n_r), v2)

    def _split_limit(self, n_s: int, n_r: int, d: Array, alpha: float) -> float:
        """What exchanged labels exceed with probability alpha."""
        total = n_s + n_r
        within, share = 1 - 2 / total, n_s * n_r / total**2
        v2 = within * self._mixed_scatter(n_s, n_r) + share * d**2
        mixed = math.sqrt(within) * self.mixed + math.sqrt(share) * d * _normal(9, 1)
        scale = math.sqrt((1 / n_s + 1 / n_r) * total / (total - 1))
        return scale * float(np.quantile(_mean_over(mixed, v2), 1 - alpha))

    def _noise(self, n_s: int, n_r: int) -> Array:
        return self.simulated / math.sqrt(n_s) + self.real / math.sqrt(n_r)

    def _mixed_scatter(self, n_s: int, n_r: int) -> Array:
        return np.asarray((n_s * self.scatter[0] + n_r * self.scatter[1]) / (n_s + n_r))


def _mean_over(x: Array, v2: Array) -> Array:
    """Mean of |x|/v over the times at which anything varies (…,)."""
    # Trajectories from one start are all alike there.
    known = np.broadcast_to(v2, x.shape).max(axis=0) > 0
    return np.asarray(np.abs(x[:, known] / np.sqrt(np.broadcast_to(v2, x.shape)[:, known])).mean(axis=1))
