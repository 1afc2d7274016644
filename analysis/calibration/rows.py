"""One line of the result: what many replications of a case at one size add up to."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, betaincinv

from .case import Case, Trial, at

# A promise is broken where chance alone would do so with this probability; of a mean, at this many standard
# errors. A thousand rows together then hold with probability 0.999.
_CHANCE = 1e-6
_ERRORS = 5.0
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Rate:
    """A share of replications with its 95% interval (Clopper & Pearson) and its promise; see `Event`."""

    name: str
    count: int
    of: int
    at_most: float | None = None
    at_least: float | None = None
    wanted: bool = False

    @property
    def value(self) -> float:
        return self.count / self.of if self.of else math.nan

    @property
    def low(self) -> float:
        return float(betaincinv(self.count, self.of - self.count + 1, 0.025)) if self.count else 0.0

    @property
    def high(self) -> float:
        return float(betaincinv(self.count + 1, self.of - self.count, 0.975)) if self.count < self.of else 1.0

    @property
    def kept(self) -> bool:
        """Whether what was promised is not refuted."""
        if self.at_least is not None and bdtr(self.count, self.of, self.at_least) < _CHANCE:
            return False
        if self.at_most is None or self.count == 0:
            return True
        return bool(bdtrc(self.count - 1, self.of, self.at_most) >= _CHANCE)


@dataclass(frozen=True)
class Row:
    """One case at one size.

    Attributes:
        estimator, method, data, size, size_name, replications: of the case.
        truth: the known answer (its mean, where each draw has its own).
        bias, bias_error: mean error and its standard error; spread: standard deviation of the errors.
        median_error: the median of |error|, which heavy tails don't move.
        finite: share of replications that gave a finite value.
        level: nominal level of the intervals; coverage: share of them that hold the truth, None without any.
        intervals: share of replications with an interval; width: their median width.
        promised_bias: largest |bias| promised, None where none is.
        events: rates of false alarms and detections.
        flags: share of replications with each flag.
        reason: why less than the nominal level is promised, or what a reader must know.
    """

    estimator: str
    method: str
    data: str
    size: int
    size_name: str
    replications: int
    truth: float
    bias: float
    bias_error: float
    spread: float
    median_error: float
    finite: float
    level: float
    coverage: Rate | None
    intervals: float
    width: float
    promised_bias: float | None
    events: tuple[Rate, ...]
    flags: dict[str, float]
    reason: str

    @property
    def misses(self) -> list[str]:
        """What was promised and is not so, in words."""
        found = []
        if self.coverage is not None and not self.coverage.kept:
            found.append(f"coverage {self.coverage.value:.3f}, promised {self.coverage.at_least:g}")
        if self.promised_bias is not None:
            excess = abs(self.bias) - self.promised_bias
            # Rounding is no bias: a deterministic estimate has a standard error of zero.
            if not excess <= _ERRORS * self.bias_error + 1e-9 * max(1.0, abs(self.truth)):
                found.append(f"bias {self.bias:.3g} ± {self.bias_error:.2g}, promised {self.promised_bias:g}")
        for e in self.events:
            if not e.kept:
                limit = f"at most {e.at_most:g}" if e.at_most is not None else f"at least {e.at_least:g}"
                found.append(f"{e.name}: {e.value:.3f}, promised {limit}")
        return found

    @property
    def judged(self) -> bool:
        """Whether anything was promised."""
        promised = [e for e in self.events if e.at_most is not None or e.at_least is not None]
        stated = self.coverage is not None and self.coverage.at_least is not None
        return bool(promised) or stated or self.promised_bias is not None


def summarise(case: Case, size: int, trials: Sequence[Trial]) -> Row:
    """The row of a case at a size."""
    value, low, high, truth = (_column(trials, name) for name in ("value", "low", "high", "truth"))
    known = ~(np.isnan(low) | np.isnan(high) | np.isnan(truth))
    # An interval as narrow as a residual of Lanczos may miss the truth by rounding alone.
    rounding = _ROUNDING * np.maximum(1.0, np.abs(truth))
    held = int(np.sum((low - rounding <= truth)[known] & (truth <= high + rounding)[known]))
    stated = at(case.coverage, size)
    coverage = None
    if known.any() or stated is not None:
        # A promised interval that never comes is a broken promise.
        coverage = Rate("coverage", held, int(known.sum()) or len(trials), at_least=stated)
    error = (value - truth)[np.isfinite(value - truth)]
    spread = float(error.std(ddof=1)) if len(error) > 1 else math.nan
    flags = Counter(f for t in trials for f in set(t.flags))
    happened = np.array([t.happened for t in trials], dtype=int).sum(axis=0)
    return Row(
        estimator=case.estimator,
        method=case.method,
        data=case.data,
        size=size,
        size_name=case.size_name,
        replications=len(trials),
        truth=float(truth.mean()),
        bias=float(error.mean()) if len(error) else math.nan,
        bias_error=spread / math.sqrt(len(error)) if len(error) else math.nan,
        spread=spread,
        median_error=float(np.median(np.abs(error))) if len(error) else math.nan,
        finite=float(np.isfinite(value).mean()),
        level=trials[0].level,
        coverage=coverage,
        intervals=float(known.mean()),
        width=_median((high - low)[known]),
        promised_bias=at(case.bias, size),
        events=tuple(
            Rate(e.name, int(k), len(trials), at(e.at_most, size), at(e.at_least, size), e.wanted)
            for e, k in zip(case.events, happened, strict=True)
        ),
        flags={name: count / len(trials) for name, count in sorted(flags.items())},
        reason=case.reason,
    )


def _column(trials: Sequence[Trial], name: str) -> NDArray[np.float64]:
    return np.array([getattr(t, name) for t in trials], dtype=np.float64)


def _median(x: ArrayLike) -> float:
    kept = np.asarray(x)
    return float(np.median(kept)) if kept.size else math.nan
