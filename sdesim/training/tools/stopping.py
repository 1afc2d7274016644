"""Early stopping on what a monitor measures (§11.4)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from scipy.stats import kendalltau

from sdesim.errors import RunError
from sdesim.estimators import Estimate
from sdesim.kinds.numbers import one_of
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.tools.trust import descends, doubts

METHODS = ("corrected", "literal")
HEALTHY, SHORT = "training healthy", "insufficient history"
_LEVEL = 0.01
# Fewest values whose strict order has a chance below 1%: 1/5!.
_LEAST_TREND = 5
_LITERAL_P = 0.45
_SHARE = 0.5


@dataclass(frozen=True)
class Decision:
    """Whether to stop, and why.

    Attributes:
        stop: whether to stop.
        reason: one sentence.
        criterion: "noise", "trend", "divergence", or "" while training goes on.
    """

    stop: bool
    reason: str
    criterion: str = ""

    def __bool__(self) -> bool:
        return self.stop


class PhaseEarlyStopping:
    """Stop when the signal is gone: `.update(measurement)` after each measurement → Decision.

    "literal" (§11.4), on the literal values of the last `window` evaluations:
        noise: p < 0.45 in all of them; trend: C lower at the end than at the start and never rising;
        divergence: I < 0 in the last. With the source's placeholder S = 0.1 that can't happen.

    "corrected": noise: the whole interval of C below C*/2 in all of them and the validation loss not
        improving; trend: C falls (Mann–Kendall, one-sided p < 1%) and the validation loss not improving, as
        C also falls in training that goes well; divergence: S or I wholly below 0 in the last half of them
        (at least 5) with the training loss rising (Mann–Kendall, p < 1%), or a loss that is not finite, at
        once. At the edge of stability S is about 0 and the loss does not rise: no reason to stop.

    Not improving: none of the last `window` validation losses is the lowest so far; without validation
    the training loss stands in, and the reason says so. To go on after an interruption, update with the
    monitor's history again.

    Args:
        window: evaluations looked at, at least 2.
        method: as above.

    Raises:
        RunError: a window below 2 (for "corrected" 5), an unknown method.
    """

    def __init__(self, window: int = 10, method: str = "corrected") -> None:
        one_of(method, METHODS, "method", RunError)
        least = 2 if method == "literal" else _LEAST_TREND
        if window < least:
            raise RunError(f"window must be at least {least} evaluations for {method!r}, got {window}")
        self.window, self.method = window, method
        self.recent: deque[Measurement] = deque(maxlen=window)
        self.best_before = math.inf

    def update(self, measurement: Measurement) -> Decision:
        """Take in one more measurement and decide."""
        if len(self.recent) == self.window:
            self.best_before = min(self.best_before, _judged(self.recent[0])[0])
        self.recent.append(measurement)
        if self.method == "corrected" and not math.isfinite(measurement.loss) and _lost(measurement):
            return Decision(True, "the training loss is not finite", "divergence")
        if len(self.recent) < self.window:
            return Decision(False, SHORT)
        recent = list(self.recent)
        return _literal(recent) if self.method == "literal" else _corrected(recent, self.best_before)


def _lost(m: Measurement) -> bool:
    """NaN alone may be a loss that nobody measured; the flag or an infinity is a loss that was lost."""
    return math.isinf(m.loss) or "loss_not_finite" in m.flags


def _literal(recent: Sequence[Measurement]) -> Decision:
    window = len(recent)
    p, c, i = ([_value(m.literal.get(name)) for m in recent] for name in ("p", "C_alpha", "I"))
    if all(x < _LITERAL_P for x in p):
        return Decision(True, f"p < 0.45 for {window} evaluations in a row", "noise")
    falling = all(before >= after for before, after in pairwise(c))
    if c[-1] < c[0] and falling:
        return Decision(True, f"C_alpha decreasing for {window} evaluations", "trend")
    if i[-1] < 0:
        return Decision(True, "I < 0: divergence", "divergence")
    return Decision(False, HEALTHY)


def _corrected(recent: Sequence[Measurement], best_before: float) -> Decision:
    window = len(recent)
    tail = recent[-max(_LEAST_TREND, window // 2) :]
    unstable = all(not doubts(m, m.S) and (_below_zero(m.S) or _below_zero(m.I)) for m in tail)
    if unstable and mann_kendall([m.loss for m in tail], rising=True) < _LEVEL:
        text = f"S or I below 0 for {len(tail)} evaluations while the training loss rises"
        return Decision(True, text, "divergence")
    judged = [_judged(m) for m in recent]
    if not best_before < math.inf or min(value for value, _ in judged) < best_before:
        return Decision(False, HEALTHY)
    which = judged[-1][1]
    if all(_drowned(m) for m in recent):
        text = f"C below C*/2 for {window} evaluations and the {which} loss not improving"
        return Decision(True, text, "noise")
    p = mann_kendall([_value(m.C_alpha) for m in recent], rising=False)
    if p < _LEVEL:
        text = f"C falling over {window} evaluations (p = {p:.1g}) and the {which} loss not improving"
        return Decision(True, text, "trend")
    return Decision(False, HEALTHY)


def mann_kendall(values: Sequence[float], rising: bool) -> float:
    """One-sided p-value of Mann and Kendall's test for a trend; 1 where a value is missing or all are equal.

    Exact where no two values are equal, else normal with the variance of ties.
    """
    if not all(map(math.isfinite, values)) or len(set(values)) < 2:
        return 1.0
    found = kendalltau(range(len(values)), values, alternative="greater" if rising else "less")
    return float(found.pvalue)


def _value(e: Estimate | None) -> float:
    return math.nan if e is None else e.value


def _judged(m: Measurement) -> tuple[float, str]:
    """The loss that tells whether training still helps, and its name; ∞ where it is NaN."""
    value, name = (m.loss, "training") if m.validation_loss is None else (m.validation_loss, "validation")
    return (math.inf if math.isnan(value) else value), name


def _below_zero(e: Estimate | None) -> bool:
    return e is not None and (e.value if math.isnan(e.high) else e.high) < 0


def _drowned(m: Measurement) -> bool:
    """Whether the whole interval of C lies below C*/2; where C* is not that of the training, whether measured
    steps raise the loss."""
    if doubts(m, m.C_star):
        return descends(m) is False
    if m.C_alpha is None or m.C_star is None:
        return False
    high = m.C_alpha.value if math.isnan(m.C_alpha.high) else m.C_alpha.high
    return high < _SHARE * m.C_star.value
