"""What an interval that spans a bound could have told: the distance from the bound, and the sample, for it.

On the scale on which the interval is Student's (`support`) it leaves out a bound b where |m − b| > t s/√n, so
that with δ = |θ − b|√n/σ the bound is left out with probability P(T′_{n−1}(δ) > t), T′ noncentral t. σ is
known from the sample at hand only: the probability is its mean over what σ can be then,
s/√(χ²_{n−1}/(n − 1)).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import gammaincinv, nctdtr, ndtr, stdtrit

from sdesim.support import ANYTHING, Support

PROBABILITY = 0.9
LIMIT = 10_000
# Places of equal probability at which χ² is taken, and degrees of freedom up to which T′ is summed.
_NODES = (np.arange(200) + 0.5) / 200
_SERIES = 500
_FAR = 1e4


@dataclass(frozen=True)
class Power:
    """What a test that decided nothing would have seen.

    Attributes:
        difference: the smallest one that it sees with `probability`; NaN where none or where it is not known.
        measured: the one that was measured; 0 where it is no more than chance.
        needed: so many samples would see the measured one with `probability`; None: none up to `limit`.
        limit: the most that were tried.
        samples: what they are ("seeds", "trajectories", "samples").
        unit: the difference of 1 in units of the quantity, on average over time; 1 where it is given in them.
        scale: what differences are told in ("spreads"), empty for the quantity's own units.
        probability: 0.9.
        why: why nothing can be said, else empty.
    """

    difference: float
    measured: float
    needed: int | None
    limit: int
    samples: str
    unit: float = 1.0
    scale: str = ""
    probability: float = PROBABILITY
    why: str = ""

    @property
    def text(self) -> str:
        """In words: "0.012 is seen with probability 0.9; the 0.005 measured take 41 trajectories", or "2.1
        spreads are seen with probability 0.9; the 1.4 measured take 12 seeds an arm"."""
        if self.why:
            return self.why
        measured, many = _shown(self.measured, self.scale), f"{self.samples}{' an arm' if self.scale else ''}"
        seen = (
            f"no difference is seen with probability {self.probability:g}"
            if math.isnan(self.difference)
            else f"{_shown(self.difference, self.scale)} {f'{self.scale} are' if self.scale else 'is'} seen "
            f"with probability {self.probability:g}"
        )
        if self.needed is not None:
            return f"{seen}; the {measured} measured take {self.needed:,} {many}"
        if self.measured > 0:
            return f"{seen}; {self.limit:,} {many} don't settle the {measured} measured"
        return f"{seen}; what was measured is no more than chance makes"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; None for what is not finite."""
        plain = dict(self.__dict__)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in plain.items()}


def _shown(x: float, scale: str) -> str:
    """Three digits of a quantity, two of spreads, which are known less well."""
    return f"{x:.2g}" if scale else f"{x:.3g}"


def unknown(why: str, samples: str = "samples", limit: int = LIMIT) -> Power:
    """Power of which nothing can be said, and why."""
    return Power(math.nan, math.nan, None, limit, samples, why=why)


def interval_power(
    value: float, low: float, high: float, bound: float, n: int, level: float = 0.95,
    support: Support = ANYTHING, samples: str = "samples", limit: int = LIMIT,
) -> Power:  # fmt: skip
    """Of an interval that spans a bound: how far from the bound the quantity had to be to be told from it.

    Args:
        value, low, high: an estimate of a mean of n values; its error falls as 1/√n.
        bound: what it is held against.
        n: sample size. level: of the interval. support: of the quantity.
        samples: what n counts. limit: largest sample tried.
    """
    above = bound <= value
    end = low if above else high
    if support.debiased:
        # An end cut off at the support says nothing of the error.
        end = value - (high - value) if above and low <= support.low else end
        end = value + (value - low) if not above and high >= support.high else end
    place, at, edge = (_scaled(support, x) for x in (value, bound, end))
    if n < 2 or not all(math.isfinite(x) for x in (place, at, edge)) or edge == place:
        return unknown("no error is known from which it would follow", samples, limit)
    error = abs(place - edge) / float(stdtrit(n - 1, 0.5 + level / 2))
    gap = abs(place - at)
    reach = _reach(n, level) * error
    seen = _plain(support, at + reach if above else at - reach)
    needed: int | None = None
    if _power(gap / error * math.sqrt(limit / n), limit, n, level) >= PROBABILITY:
        few, many = 1, limit
        while many - few > 1:
            middle = (few + many) // 2
            settled = _power(gap / error * math.sqrt(middle / n), middle, n, level) >= PROBABILITY
            few, many = (few, middle) if settled else (middle, many)
        needed = max(many, n + 1)
    return Power(abs(seen - bound), abs(value - bound), needed, limit, samples)


@lru_cache(maxsize=64)
def _reach(n: int, level: float) -> float:
    """|θ − b|√n/s at which n further values leave the bound out with probability 0.9."""
    from scipy.optimize import brentq

    return float(brentq(lambda x: _power(x, n, n, level) - PROBABILITY, 0.0, _FAR, rtol=1e-10))


def _power(apart: float, size: int, n: int, level: float) -> float:
    """Probability that `size` values leave out a bound, apart = |θ − b|√size/s, s from n values."""
    t = float(stdtrit(size - 1, 0.5 + level / 2))
    delta = apart * np.sqrt(2 * gammaincinv((n - 1) / 2, _NODES) / (n - 1))
    # Far out T′ is normal already, and its series fails; few degrees of freedom never get there.
    with np.errstate(all="ignore"):
        known = 1 - nctdtr(size - 1, delta, t) if size <= _SERIES else np.full(delta.shape, np.nan)
    normal = ndtr((delta - t) / math.sqrt(1 + t * t / (2 * (size - 1))))
    return float(np.where(np.isfinite(known), known, normal).mean())


def _scaled(support: Support, x: float) -> float:
    """x on the scale of its support; NaN outside."""
    if support.transform == "plain":
        return x
    with np.errstate(divide="ignore", invalid="ignore"):
        if support.transform == "logit":
            return float(np.log(x - support.low) - np.log(support.high - x))
        if math.isinf(support.high):
            return float(np.log(x - support.low))
        return float(-np.log(support.high - x))


def _plain(support: Support, y: float) -> float:
    """The inverse of `_scaled`."""
    if support.transform == "plain":
        return min(max(y, support.low), support.high)
    with np.errstate(over="ignore"):
        if support.transform == "logit":
            return float(support.low + (support.high - support.low) / (1 + np.exp(-y)))
        if math.isinf(support.high):
            return float(support.low + np.exp(y))
        return float(support.high - np.exp(-y))
