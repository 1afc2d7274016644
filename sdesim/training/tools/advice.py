"""The decision guide (§12.1) and the batch size for a wanted C (§12.2), read from one measurement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtr, ndtri

from sdesim.errors import RunError
from sdesim.estimators import Estimate, critical_sharpness, noise_scale
from sdesim.kinds.numbers import one_of
from sdesim.kinds.spelling import short
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.tools.trust import descends, doubts

METHODS = ("corrected", "literal")
STATES = ("failing", "sub-threshold", "critical", "learning", "strong")
# Ends of the source's bands of p, §12.1, and the same as C = p/(1 − p).
P_ENDS = (0.40, 0.50, 0.60, 0.75)
C_ENDS = tuple(p / (1 - p) for p in P_ENDS)
LITERAL_TARGET = (1.5, 3.0)
_LITERAL_ACTIONS = {
    "failing": "stop training; adjust hyperparameters (learning rate, batch size, architecture)",
    "sub-threshold": "halve the learning rate; increase the batch size; check the data",
    "critical": "watch closely; change nothing abruptly",
    "learning": "continue; a slightly higher learning rate may help",
    "strong": "raise the learning rate, or stop early and deploy",
}
_UNSTABLE = 0.2


@dataclass(frozen=True)
class Advice:
    """What a measurement suggests.

    Attributes:
        state: one of `STATES`, or "undefined" where what it needs was not measured.
        action: what to do.
        why: the numbers behind it.
        confidence: probability that the true value lies in the band of this state, by its interval; NaN
            without one.
        probabilities: the same of every state.
        learning_rate: rate of steepest expected descent now, ηC/(2C*), in the metric of the optimizer, capped
            at S = 0.2; None where it is not known, or would raise a rate at which measured steps raise the
            loss.
        batch_size: the critical batch size 1/C_1; None where it is not known.
        method: "corrected" or "literal".
    """

    state: str
    action: str
    why: str
    confidence: float
    probabilities: Mapping[str, float]
    learning_rate: float | None
    batch_size: float | None
    method: str


@dataclass(frozen=True)
class BatchAdvice:
    """Batch sizes at which C reaches a target.

    Attributes:
        smallest, largest: B = C/C_1 at the two ends of the target (equal for one number), with intervals.
        critical: the batch size of C = 1, 1/C_1: signal and noise are equal there.
        target: (low, high) of C.
        why: what that means.
    """

    smallest: Estimate
    largest: Estimate
    critical: Estimate
    target: tuple[float, float]
    why: str

    @property
    def batch_size(self) -> int | None:
        """The whole number in the middle (geometric mean), at least 1; None where no signal was seen."""
        middle = math.sqrt(self.smallest.value * self.largest.value)
        return max(1, round(middle)) if math.isfinite(middle) else None


def advise(measurement: Measurement, method: str = "corrected") -> Advice:
    """Read a measurement against the decision table.

    literal (§12.1): the bands of literal p (0.40, 0.50, 0.60, 0.75), that is of C against 1, and the source's
    actions (debiased p where the literal one is missing). corrected: the same bands of C/C*, as C* and not 1
    is where a step stops lowering the expected loss; actions give the rate ηC/(2C*) and the critical batch
    size, and an unstable curvature comes first. Where C* is flagged as not that of the optimizer, the mode or
    the loss in use, or where gradients are clipped, no rate is given, and the corrected state is read off
    measured progress: "learning" where it lowers the loss with confidence, "failing" where it raises it, else
    "critical"; "undefined" where there is none.

    The confidence is that of debiased C with either method: its interval read as a normal law with its own
    width on each side. C* is taken as known.

    Raises:
        RunError: unknown method.
    """
    one_of(method, METHODS, "method", RunError)
    rate, batch = _descent_rate(measurement), _critical(measurement.C_1)
    state, value, threshold = _read(measurement, method)
    if state == "undefined" and method == "corrected" and measurement.progress is not None:
        return _by_progress(measurement, batch)
    if state == "undefined":
        need = "p" if method == "literal" else "C and C* (gradients and curvature)"
        wrong = () if method == "literal" else doubts(measurement, measurement.C_star)
        if wrong:
            action = "judge by the measured loss, or read method='literal'"
            why = f"C* does not hold for this training: {', '.join(wrong)}"
            return Advice(state, action, why, math.nan, {}, rate, batch, method)
        return Advice(
            state, f"measure {need} first", f"{need} not measured", math.nan, {}, rate, batch, method
        )  # fmt: skip
    masses = {} if measurement.C_alpha is None else _masses(measurement.C_alpha, threshold)
    confidence = masses.get(state, math.nan)
    sure = (
        "no interval" if math.isnan(confidence) else f"{confidence:.0%} of its interval's mass in this band"
    )
    if method == "literal":
        action, more = _LITERAL_ACTIONS[state], ""
    else:
        action, more = _action(state, measurement, rate, batch)
    why = f"{'p' if method == 'literal' else 'C/C*'} = {value:.3g} ({sure}){more}"
    return Advice(state, action, why, confidence, masses, rate, batch, method)


def batch_size_for(measurement: Measurement, target: float | tuple[float, float] | str = 1.0) -> BatchAdvice:
    """B = C_target/C_1, the batch size at which C_alpha would be `target` at the present θ.

    Args:
        measurement: with C_1.
        target: a value of C, an interval (low, high), or "literal", the source's [1.5, 3] (§12.2). C = 1 is
            the critical batch size (McCandlish et al., arXiv 1812.06162), so that C is B in units of it: the
            source's target asks for 1.5 to 3 times the critical batch size, where each further example is
            worth 1/(1 + C) = 0.4 to 0.25 of one in a small batch.

    Returns:
        BatchAdvice; where C_1 ≤ 0 no signal was seen, B is ∞ and flagged `negative_signal`.

    Raises:
        RunError: C_1 was not measured, a target that is not positive or not rising.
    """
    if measurement.C_1 is None:
        raise RunError("batch_size_for needs a measurement with C_1")
    low, high = _target(target)
    smallest, largest, critical = (_inverse(measurement.C_1, t) for t in (low, high, 1.0))
    span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    worth = f"{1 / (1 + low):.2g}" if low == high else f"{1 / (1 + low):.2g} to {1 / (1 + high):.2g}"
    why = (
        f"C = {span} is {span} times the critical batch size {critical.value:.3g}; an example there is worth "
        f"{worth} of one in a small batch"
    )
    return BatchAdvice(smallest, largest, critical, (low, high), why)


def _target(target: float | tuple[float, float] | str) -> tuple[float, float]:
    if isinstance(target, str):
        if target != "literal":
            raise RunError(f"target must be a C, a pair (low, high) or 'literal', got {short(target)}")
        return LITERAL_TARGET
    low, high = target if isinstance(target, tuple) else (target, target)
    if not 0 < low <= high < math.inf:
        raise RunError(f"target must be positive and rising, got {target}")
    return float(low), float(high)


def _inverse(c: Estimate, target: float) -> Estimate:
    """B = C_target/C_1."""
    scale = noise_scale(c, 1)
    size: Estimate = scale.mapped(lambda b: target * b, method="inverse-C_1")
    return size if c.value > 0 else replace(size, flags=(*dict.fromkeys((*size.flags, "negative_signal")),))


def _critical(c: Estimate | None) -> float | None:
    scale = math.inf if c is None else float(noise_scale(c, 1))
    return scale if math.isfinite(scale) else None


def _by_progress(m: Measurement, batch: float | None) -> Advice:
    """Advice where no formula holds: whether the steps that are made lower the objective."""
    assert m.progress is not None
    sinks = descends(m)
    state = "critical" if sinks is None else "learning" if sinks else "failing"
    action = {
        "learning": "continue: measured steps lower the loss",
        "failing": "lower the learning rate: measured steps raise the loss",
        "critical": "watch: measured steps change the loss by no more than the error",
    }[state]
    wrong = ", ".join(doubts(m, m.C_star)) or "C* not measured"
    why = f"progress {m.progress} a step; no formula: {wrong}"
    return Advice(state, action, why, math.nan, {}, None, batch, "corrected")


def _descent_rate(m: Measurement) -> float | None:
    """η* = |μ|²/(μᵀHμ + Tr HΣ) = ηC/(2C*), or that of the optimizer's own metric, at most the rate at which
    S = 0.2."""
    if m.C_alpha is None or m.C_star is None or doubts(m, m.C_star):
        return None
    ratio = _ratio(m)
    if not ratio > 0:
        return None
    rate = m.learning_rate * ratio / 2
    if m.lambda_max is not None and m.lambda_max.value > 0:
        critical = m.lambda_crit if m.lambda_crit is not None else critical_sharpness(m.learning_rate)
        rate = min(rate, m.learning_rate * (1 - _UNSTABLE / 2) * critical / m.lambda_max.value)
    return None if rate > m.learning_rate and descends(m) is False else rate


def _ratio(m: Measurement) -> float:
    """C/C*, in the metric of the optimizer where that is known; NaN where either is not positive."""
    if m.C_alpha is None or m.C_star is None:
        return math.nan
    own = m.eta_star
    if own is not None and math.isfinite(own.value) and m.learning_rate > 0:
        return 2 * own.value / m.learning_rate
    return m.C_alpha.value / m.C_star.value if m.C_star.value > 0 else math.nan


def _read(m: Measurement, method: str) -> tuple[str, float, float]:
    """(state, the number read against the bands, the unit of C in them)."""
    if method == "literal":
        found = m.literal.get("p", m.p)
        p = math.nan if found is None else found.value
        return _band(p, P_ENDS), p, 1.0
    ratio = _ratio(m)
    if m.C_alpha is None or math.isnan(ratio) or doubts(m, m.C_star):
        return "undefined", math.nan, math.nan
    unit = m.C_alpha.value / ratio if ratio > 0 else math.nan if m.C_star is None else m.C_star.value
    return _band(ratio, C_ENDS), ratio, unit


def _band(value: float, ends: Sequence[float]) -> str:
    """Half-open bands, the upper end excluded (as §11.3)."""
    return "undefined" if math.isnan(value) else STATES[sum(value >= end for end in ends)]


def _masses(c: Estimate, threshold: float) -> dict[str, float]:
    """Probability of each state; empty without an interval."""
    if not (math.isfinite(c.low) and math.isfinite(c.high)) or not 0 < c.level < 1:
        return {}
    z = float(ndtri(0.5 + c.level / 2))
    below, above = (c.value - c.low) / z, (c.high - c.value) / z
    # An end cut off at 0, below which C is not, tells nothing of the spread.
    below = below if c.low > 0 else above

    def cumulative(x: float) -> float:
        spread = below if x < c.value else above
        return float(ndtr((x - c.value) / spread)) if spread > 0 else float(x > c.value)

    ends = [0.0, *(cumulative(threshold * end) for end in C_ENDS), 1.0]
    return {state: b - a for state, a, b in zip(STATES, ends, ends[1:], strict=False)}


def _action(state: str, m: Measurement, rate: float | None, batch: float | None) -> tuple[str, str]:
    """The corrected action, and what to add to its reasons."""
    if m.S is not None and m.S.value < 0:
        return "lower the learning rate: the curvature makes it unstable", f"; S = {m.S.value:.3g}"
    at = "" if rate is None else f" to about {rate:.2g}"
    if batch is None:
        size = more = ""
    else:
        size = f", or the batch towards {batch:.3g} examples"
        more = f"; batch {m.batch_size} is {m.batch_size / batch:.2g} of the critical {batch:.3g}"
    if state == "failing":
        return f"lower the learning rate{at}{size}: steps raise the loss on average", more
    if state == "sub-threshold":
        return f"lower the learning rate{at}{size}: steps gain nothing on average", more
    if state == "critical":
        return f"to descend faster lower the learning rate{at}{size}; else watch", more
    if state == "learning":
        return "continue: the rate is near that of steepest expected descent", more
    if m.S is not None and m.S.value < _UNSTABLE:
        return "continue: the gradient allows a higher rate, the curvature does not", more
    return f"a higher learning rate, up{at or ' a little'}, would still descend", more
