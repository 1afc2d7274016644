"""What a comparison could have seen: the difference that it finds with probability 0.9, and the seeds for it.

The tests are those of `quantity.judge`, simulated under normal noise with the seeds' covariance over time. A
difference d_t, in units of the seeds' spread, is seen where

- few seeds: mean_t |d_t + e_t|/c_t exceeds the limit of the null distance, c_t² = χ²_ν/ν, ν = n_r − 1;
- enough for permutations: mean_t |d_t + e_t|/v_t, v_t² = (1 − 2/N) c_t² + q d_t², ν = N − 2, exceeds what
  exchanged labels give, mean_t √((1/n_s + 1/n_r) N/(N − 1)) |√(1 − 2/N) e′_t + √q d_t g|/v_t, at the level
  that Holm's correction leaves it: α over the number of quantities that are not told apart yet.

N = n_s + n_r, q = n_s n_r/N², e and e′ normal with the variances of means of the seeds and their correlation
over time, read as one of the lag alone (seeds are too few for more), c with its square, g standard normal. Of
n pairs e has the variance of the mean of their differences, and exchanged labels give
mean_t |σ_t e′_t + d_t g|/(√n v_t), σ_t² that of one difference.
Random numbers are the same for every quantity and size, so that power grows smoothly. How often what is
stated is seen: ``analysis/support``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sdesim.comparison import statistics as stats
from sdesim.comparison.align import Aligned, Array
from sdesim.estimators.core.power import PROBABILITY, Power

LIMIT = 1000
_DRAWS = 2000
_TIMES = 32
# In spreads; what takes more to be seen is never seen.
_LARGEST = 1e3


def power_of(
    pair: Aligned, level: float, count: int, undecided: int, limit: float | None = None
) -> Power | None:
    """The difference, constant over time in spreads of the real seeds, that would have been seen, and the
    seeds in each arm at which the measured one would be.

    The measured difference is freed of what chance adds to its square: d_t √(1 − E|e|²/|d|²).

    Args:
        pair: both arms at their common times.
        level: of the comparison.
        count: quantities compared. undecided: those of them that are not told apart, this one included.
        limit: the distance's own, where that decides.

    Returns:
        None where the real seeds give no yardstick.
    """
    model = _Model.of(pair)
    if model is None:
        return None
    alpha = 1 - level
    n_s, n_r = len(pair.simulated), len(pair.real)
    one = np.ones(model.times)

    def seen(n_s: int, n_r: int, d: Array, limit: float | None = None) -> bool:
        return model.power(n_s, n_r, d, alpha, count, undecided, limit) >= PROBABILITY

    difference = _least(lambda x: seen(n_s, n_r, x * one, limit))
    measured = model.measured(n_s, n_r)
    size = float(np.abs(measured).mean())
    needed = fewest(lambda n: seen(n, n, measured), min(n_s, n_r) + 1) if size > 0 else None
    return Power(difference, size, needed, LIMIT, "seeds", float(model.scale.mean()), "spreads")


def measured_gap(pair: Aligned) -> Array:
    """The measured difference freed of chance, (T,) in units of the quantity; at times that it was thinned to
    where there are many."""
    model = _Model.of(pair)
    if model is None:
        return np.full(pair.times.shape, np.nan)
    return model.measured(len(pair.simulated), len(pair.real)) * model.scale


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


def fewest(holds: Callable[[int], bool], start: int, first: int | None = None) -> int | None:
    """Smallest number from `start` on at which it holds; None where there is none up to `LIMIT`.

    Args:
        first: the number that is tried first; default `start`.
    """
    low, high = start - 1, first or start
    while not holds(high):
        if high >= LIMIT:
            return None
        low, high = high, min(2 * high, LIMIT)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


@lru_cache(maxsize=16)
def _normal(stream: int, columns: int) -> Array:
    """Standard normal numbers (_DRAWS, columns), always the same."""
    return np.random.default_rng((stream, columns)).standard_normal((_DRAWS, columns))


@lru_cache(maxsize=256)
def _chi(df: int) -> Array:
    """√(χ²_df/df) (_DRAWS,), one number for all times, as `null_draws` has it."""
    return np.sqrt(_chi_square(_normal(4, 1)[:, 0], df))


def _chi_square(h: Array, df: float) -> Array:
    """χ²_df/df of standard normal h (Wilson & Hilferty, PNAS 17, 1931)."""
    return np.asarray(np.maximum(1 - 2 / (9 * df) + h * math.sqrt(2 / (9 * df)), 1e-3) ** 3)


@dataclass(frozen=True)
class _Model:
    """Normal noise of both arms in units of the real spread.

    Attributes:
        simulated, real: s.d. of one seed of each arm, (T,). pairs: of the difference of a pair, if paired.
        root, chi_root: M with MMᵀ the correlation of a seed over time, and its elementwise square, that of
            variances, (T, T).
        gap: measured d_t (T,). scale: the spread itself (T,).
        smoothing: factor of the degrees of freedom of the spread, a mean of variances at three times.
    """

    simulated: Array
    real: Array
    root: Array
    chi_root: Array
    gap: Array
    scale: Array
    smoothing: float
    pairs: Array | None = None

    @classmethod
    def of(cls, pair: Aligned) -> _Model | None:
        s = stats.spread(pair.real)
        usable = np.flatnonzero(s > 0)
        if len(pair.real) < 3 or not usable.size:
            return None
        if usable.size > _TIMES:
            usable = usable[np.unique(np.linspace(0, usable.size - 1, _TIMES).round().astype(int))]
        scale, smoothing = s[usable], _smoothing(pair)
        sim, real = (x[:, usable] / scale for x in (pair.simulated, pair.real))
        if not (np.isfinite(sim).all() and np.isfinite(real).all()):
            return None
        # Fewer than three simulated seeds tell no spread of their own: that of the real ones is taken.
        arms = [x - x.mean(axis=0) for x in ((sim if len(sim) > 2 else real), real)]
        sd = [x.std(axis=0) * math.sqrt(len(x) / (len(x) - 1)) for x in arms]
        correlation = _correlation(arms, sd)
        gap = sim.mean(axis=0) - real.mean(axis=0)
        pairs = None
        if pair.paired:
            apart = sim - real - gap
            pairs = apart.std(axis=0) * math.sqrt(len(apart) / (len(apart) - 1))
            correlation = _correlation([apart], [pairs])
        roots = (_root(correlation), _root(correlation**2))
        return cls(sd[0], sd[1], *roots, gap, scale, smoothing, pairs)

    @property
    def times(self) -> int:
        return len(self.gap)

    def measured(self, n_s: int, n_r: int) -> Array:
        """d_t (T,), freed of chance."""
        chance = float(self._variance(n_s, n_r).mean())
        square = float((self.gap**2).mean())
        return self.gap * math.sqrt(max(0.0, 1 - chance / square)) if square > 0 else self.gap

    def power(
        self,
        n_s: int,
        n_r: int,
        d: Array,
        alpha: float,
        count: int,
        undecided: int,
        limit: float | None = None,
    ) -> float:
        """Probability that d (T,) is seen with so many seeds; limit: of the distance, where it is known."""
        moved = np.abs(d + self._noise(n_s, n_r))
        paired = self.pairs is not None
        if stats.smallest_p(n_s, n_r, paired) * count > alpha:
            if limit is None:
                one = self.real if self.pairs is None else self.pairs
                drawn = np.abs(self._paths(1) * one).mean(axis=1) / _chi(n_r - 1)
                factor = math.sqrt(stats.size_factor(n_s, n_r, paired))
                limit = factor * float(np.quantile(drawn, 1 - alpha / count))
            spread = np.sqrt(self._variances((n_r - 1) * self.smoothing))
            return float(((moved / spread).mean(axis=1) > limit).mean())
        total = n_s + n_r
        within, share = 1 - 2 / total, n_s * n_r / total**2
        mixed = (n_s * self.simulated**2 + n_r * self.real**2) / total
        if self.pairs is None:
            split = math.sqrt(within) * self._paths(2) * np.sqrt(mixed) + math.sqrt(share) * d * _normal(3, 1)
            factor = math.sqrt((1 / n_s + 1 / n_r) * total / (total - 1))
        else:
            split, factor = self._paths(2) * self.pairs + d * _normal(3, 1), math.sqrt(1 / n_r)
        drawn = _mean_over(split, within * mixed + share * d**2)
        limit = factor * float(np.quantile(drawn, 1 - alpha / undecided))
        own = within * mixed * self._variances(total - 2) + share * d**2
        return float((_mean_over(moved, own) > limit).mean())

    def _paths(self, stream: int) -> Array:
        """Noise of unit variance (_DRAWS, T)."""
        return np.asarray(_normal(stream, self.times) @ self.root.T)

    def _variance(self, n_s: int, n_r: int) -> Array:
        """Variance of e_t (T,)."""
        if self.pairs is not None:
            return np.asarray(self.pairs**2 / n_r)
        return np.asarray(self.simulated**2 / n_s + self.real**2 / n_r)

    def _noise(self, n_s: int, n_r: int) -> Array:
        """e_t (_DRAWS, T)."""
        return np.asarray(self._paths(0) * np.sqrt(self._variance(n_s, n_r)))

    def _variances(self, df: float) -> Array:
        """χ²_df/df at each time (_DRAWS, T), correlated over time as variances of the noise are."""
        return _chi_square(_normal(5, self.times) @ self.chi_root.T, df)


def _smoothing(pair: Aligned) -> float:
    """9/(3 + 4ρ₁² + 2ρ₂²) for the mean of three neighbouring variances, ρ the correlation at lags 1 and 2."""
    arms = [x - x.mean(axis=0) for x in (pair.simulated, pair.real) if len(x) > 1]
    correlation = _correlation(arms, [x.std(axis=0) for x in arms])[0]
    one, two = (float(r) ** 2 for r in [*correlation[1:3], 1.0, 1.0][:2])
    return 9 / (3 + 4 * one + 2 * two)


def _correlation(arms: list[Array], sd: list[Array]) -> Array:
    """Correlation over time (T, T) by the lag alone, over all seeds of both arms."""
    known = [np.divide(x, s, out=np.zeros_like(x), where=s > 0) for x, s in zip(arms, sd, strict=True)]
    rows = np.concatenate(known)
    times = rows.shape[1]
    square = float((rows**2).mean())
    if not square > 0:
        return np.eye(times)
    lags = [float((rows[:, k:] * rows[:, : times - k]).mean()) / square for k in range(times)]
    apart = np.abs(np.subtract.outer(np.arange(times), np.arange(times)))
    return np.asarray(np.clip(lags, -1, 1))[apart]


def _root(correlation: Array) -> Array:
    """M of the nearest correlation MMᵀ without negative eigenvalues."""
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(root / np.linalg.norm(root, axis=1, keepdims=True))


def _mean_over(x: Array, v2: Array) -> Array:
    """Mean of |x|/v over the times at which anything varies (…,)."""
    # Trajectories from one start are all alike there.
    wide = np.broadcast_to(v2, x.shape)
    known = wide.max(axis=0) > 0
    return np.asarray(np.abs(x[:, known] / np.sqrt(wide[:, known])).mean(axis=1))
