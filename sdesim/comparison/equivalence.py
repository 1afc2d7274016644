"""Whether two arms are equal within a margin: two one-sided tests on the distance over time.

The distance D = mean_t |μ_s(t) − μ_r(t)|/σ_t, σ the spread of the real seeds, is measured as
D̂ = mean_t |m_s − m_r|/s_t. It is convex in the differences, so that with w_t the sign of the true ones
D̂ is at least mean_t w_t (m_s − m_r)/s_t: D plus an error whose standard deviation no signs bring beyond

    e = min(mean_t e_t, √(λ_max(E)/T)),     E the covariance of (m_s − m_r)/s over time, e_t² its diagonal.

Hence P(D̂ ≤ x | D ≥ δ) ≤ P((δ + e z)/c ≤ x), z standard normal, c² = χ²_ν/ν, ν = n_r − 1, what the
yardstick is off by; equality within δ is shown where that is at most α at x = D̂. The part of e² that is
not the real seeds' own is known by its n_s − 1 degrees of freedom (of pairs n − 1) alone, and is averaged
over c²/c′², c′² = χ²/df. At one time this is the pair of one-sided tests (Schuirmann, J. Pharmacokin.
Biopharm. 15, 1987) with a margin in units of the spread (Wellek, Testing Statistical Hypotheses of
Equivalence and Noninferiority, 2010, ch. 6). How often equality is said of arms that are δ apart,
and of equal ones: ``analysis/verdicts``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtr

from sdesim.comparison import statistics as stats
from sdesim.comparison.power import LIMIT, fewest
from sdesim.errors import RunError
from sdesim.estimators.core.power import PROBABILITY
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import as_reals, level_of
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]

# One spread: a simulation that is no farther from training than one seed of it is from their mean.
MARGIN = 1.0
# A lattice of Fibonacci numbers: places of equal probability for χ² of the yardstick and of the rest.
_COUNT, _STEP = 987, 610
_PLACES = (np.arange(_COUNT) + 0.5) / _COUNT
_OTHERS = (np.arange(_COUNT) * _STEP % _COUNT + 0.5) / _COUNT


@dataclass(frozen=True)
class Equivalence:
    """What is known of how near two arms are, in units of the real seeds' spread.

    Attributes:
        margin: δ, fixed beforehand.
        shown: whether they are equal within it: p_value ≤ 1 − level.
        p_value: chance of a distance as small as the measured one, or smaller, of arms that are δ apart.
        smallest: the smallest margin that would have been shown.
        detectable: the margin that arms of equal law are shown to be within with probability 0.9 at these
        seeds.
        needed: seeds in each arm at which arms of equal law are shown to be within `margin` with probability
            0.9; None where `LIMIT` do not.
    """

    margin: float
    shown: bool
    p_value: float
    smallest: float
    detectable: float
    needed: int | None

    @property
    def text(self) -> str:
        """In words: "equal within 1 spread, shown down to 0.8", or "not shown to be within 1 spread but
        within 1.7 (for 1 spread arms of equal law take 14 seeds each, these seeds show 1.5)"."""
        unit = f"{self.margin:g} {'spread' if self.margin == 1 else 'spreads'}"
        if self.shown:
            return f"equal within {unit}, shown down to {_up(self.smallest)}"
        many = f"{self.needed:,} seeds each" if self.needed else f"more than {LIMIT:,} seeds each"
        return (
            f"not shown to be within {unit} but within {_up(self.smallest)} (for {unit} arms of equal law "
            f"take {many}, these seeds show {_up(self.detectable)})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; None for what is not finite."""
        plain = dict(self.__dict__)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in plain.items()}


@refusing(RunError)
def equivalence(
    simulated: ArrayLike,
    real: ArrayLike,
    margin: float = MARGIN,
    level: float = 0.95,
    *,
    paired: bool = False,
) -> Equivalence | None:
    """Whether the means of two arms are equal within a margin, over time or at a moment.

    Args:
        simulated, real: values of seeds (n, T) at the same times, or (n,) at one moment.
        margin: δ in units of the real seeds' spread, positive. level: 1 − α.
        paired: whether row i of both arms belongs together.

    Returns:
        None where there is no yardstick: fewer than three real seeds, or real seeds that do not differ.

    Raises:
        RunError: margin not positive, level outside (0, 1), or paired arms of different numbers.
    """
    check_margin(margin)
    level = level_of(level, error=RunError)
    a, b = as_reals(simulated, "simulated", RunError), as_reals(real, "real", RunError)
    a, b = (x[:, None] if x.ndim == 1 else x for x in (a, b))
    if paired and a.shape != b.shape:
        raise RunError(f"paired arms need equal numbers of seeds, got {len(a)} and {len(b)}")
    s = stats.spread(b)
    return within(a, b, s, stats.distance(a, b, s), margin, level, paired)


def chance(simulated: Array, real: Array, margin: float, paired: bool = False) -> float:
    """The p-value of `equivalence` alone, of arms (n, T) with a yardstick; a hundred times as fast."""
    s = stats.spread(real)
    rows = stats.error_rows(simulated, real, paired)[:, s > 0] / s[s > 0]
    error = _Error.of(rows, len(simulated), len(real), paired)
    return error.below(stats.distance(simulated, real, s), margin)


def check_margin(margin: float) -> None:
    """Refuse what is no margin.

    Raises:
        RunError: not a positive finite number.
    """
    if isinstance(margin, bool) or not (isinstance(margin, int | float) and 0 < margin < math.inf):
        raise RunError(f"margin must be a positive number of spreads, got {short(margin)}")


def within(
    sim: Array, real: Array, s: Array, distance: float, margin: float, level: float, paired: bool
) -> Equivalence | None:
    """`equivalence` of arms (n, T) whose yardstick s (T,) and distance are known."""
    usable = s > 0
    if len(real) < 3 or not usable.any() or not math.isfinite(distance):
        return None
    alpha = 1 - level
    rows = stats.error_rows(sim, real, paired)[:, usable] / s[usable]
    error = _Error.of(rows, len(sim), len(real), paired)
    p = error.below(distance, margin)
    normal = np.abs(stats.normal_draws(rows)).mean(axis=1)

    def reached(n_s: int, n_r: int) -> tuple[float, _Error]:
        """Distance that equal laws keep below with probability 0.9, and the error, with other seeds."""
        other = error.at(n_s, n_r, paired)
        drawn = normal * (other.size / error.size if error.size else 1.0)
        return float(np.quantile(drawn / stats.chi_draws(n_r - 1), PROBABILITY)), other

    def shown(n: int) -> bool:
        x, other = reached(n, n)
        return other.below(x, margin) <= alpha

    x, _ = reached(len(sim), len(real))
    return Equivalence(
        margin=float(margin),
        shown=p <= alpha,
        p_value=p,
        smallest=error.smallest(distance, alpha),
        detectable=error.smallest(x, alpha),
        needed=fewest(shown, 3, 4),
    )


@dataclass(frozen=True)
class _Error:
    """The error of the distance: its part `own` that the real seeds' spread has, and the `other`, in spreads.

    ν = `df` of the yardstick, `other_df` of the other part.
    """

    own: float
    other: float
    df: int
    other_df: int

    @classmethod
    def of(cls, rows: Array, n_s: int, n_r: int, paired: bool) -> _Error:
        """Of error rows (k, T) with E = rowsᵀ rows, those of the real seeds last."""
        small = rows @ rows.T if rows.shape[0] < rows.shape[1] else rows.T @ rows
        widest = math.sqrt(max(float(np.linalg.eigvalsh(small)[-1]), 0.0) / rows.shape[1])
        error = min(float(np.sqrt((rows**2).sum(axis=0)).mean()), widest)
        total = float((rows**2).sum())
        loose = rows if paired else rows[:-n_r]
        # One or two simulations borrow the real seeds' spread.
        share = float((loose**2).sum()) / total if total and (paired or n_s > 2) else 0.0
        root = math.sqrt(share)
        return cls(error * math.sqrt(1 - share), error * root, n_r - 1, (n_r if paired else n_s) - 1)

    @property
    def size(self) -> float:
        return math.hypot(self.own, self.other)

    def at(self, n_s: int, n_r: int, paired: bool) -> _Error:
        """With other numbers of seeds."""
        was_s, was_r = self.other_df + 1, self.df + 1
        own, other = math.sqrt(was_r / n_r), math.sqrt(was_r / n_r if paired else was_s / n_s)
        return _Error(self.own * own, self.other * other, n_r - 1, (n_r if paired else n_s) - 1)

    def below(self, x: float, margin: float) -> float:
        """P(D̂ ≤ x) of arms that are `margin` apart, at most."""
        c = _chi(self.df, 0)
        square = np.full(_COUNT, self.own**2)
        if self.other:
            square += (self.other * c / _chi(self.other_df, 1)) ** 2
        # Paired arms may differ by a constant: no error at all.
        return float(ndtr((x * c - margin) / np.maximum(np.sqrt(square), 1e-12 * margin)).mean())

    def smallest(self, x: float, alpha: float) -> float:
        """Smallest margin at which `below` is at most α, to 0.1%."""
        low, high = 0.0, max(x + 2 * self.size, 1e-12)
        while self.below(x, high) > alpha:
            low, high = high, 2 * high
        while high - low > 1e-3 * high:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.below(x, middle) > alpha else (low, middle)
        return high


@lru_cache(maxsize=256)
def _chi(df: int, axis: int) -> Array:
    """√(χ²_df/df) at places of equal probability."""
    return np.asarray(np.sqrt(2 * gammaincinv(df / 2, (_PLACES, _OTHERS)[axis]) / df))


def _up(x: float) -> str:
    """Two digits, rounded up: a margin is never stated smaller than it was shown."""
    if not math.isfinite(x) or x <= 0:
        return f"{x:.2g}"
    unit = 10.0 ** (math.floor(math.log10(x)) - 1)
    return f"{math.ceil(round(x / unit, 6)) * unit:.3g}"
