"""What to change in a training, in lines: what intervals support, and nothing else.

Halving and doubling the batch are judged by McCandlish et al. (arXiv 1812.06162): with the learning rate
tuned to each batch B, a given loss takes steps in proportion to 1 + B_crit/B, and examples to 1 + B/B_crit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdesim.estimators import Estimate
from sdesim.estimators import critical_batch as inverted
from sdesim.training.monitor.history import history_of
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.tools.trust import descends, doubts

# From this share of the critical curvature on a step counts as near the edge.
NEAR = 0.9
# Factor to which 1/C_1 told the critical batch of targets some 32 noiseless steps ahead, measured by branched
# trainings of six problems, in nine of ten cases (analysis/critical_batch); and the noise scale with a
# Hessian and rates up to the edge.
WITHIN, WITHIN_HESSIAN = 2.6, 2.1
# Held-out loss that falls by less than this share of the training loss is not helped.
HELPED = 0.1
# Words of phases: whether the loss falls.
_DECIDED = {"generalization": True, "exploration": False}
# Flags that the interval itself says; and most that are told in a line.
_SAID, _MOST = ("unresolved", "unbounded"), 3
# Flag of a noise that is read from examples whose losses may not be their own: it may be off by a factor.
_MEETING = "losses_assumed"
# Measurements of which hardly two are of the last batch of an epoch.
_FEW = 3


@dataclass(frozen=True)
class Finding:
    """One thing that a training says.

    Attributes:
        about: "rate", "loss", "held-out" or "batch".
        change: what to do, such as "halve" or "lower"; "" for nothing.
        text: in a line. why: what it costs or rests on, in another; may be empty.
        resolved: whether its interval supports it; else it says what is open, and `why` what would settle it.
        step: at which it was measured. flags: what its numbers bear.
        values: the numbers in it, each with the ends of its interval.
    """

    about: str
    change: str
    text: str
    why: str
    resolved: bool
    step: int
    flags: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain, for JSON."""
        return {**vars(self), "flags": list(self.flags)}


def critical_batch(m: Measurement) -> Estimate | None:
    """The batch at which doubling stops to pay, as 1/C_1 has it: where signal and noise are alike.

    Its interval is that of C_1 inverted, without an upper end where that
    holds 0, and the value NaN where no signal was seen. It is of the noise scale, not of how well that tells
    the critical batch: WITHIN. It is of now, too: on the way to a much lower loss, and above all from the
    noise floor, the noise scale grows, and with it the batch that pays (analysis/critical_batch).
    """
    if m.critical_batch is not None:
        return m.critical_batch
    return None if m.C_1 is None else inverted(m.C_1)


def told_batch(history: Sequence[Measurement]) -> tuple[Measurement, Estimate, str] | None:
    """The batch at which doubling stops to pay, as advice reads it: where it was measured, its value, and
    what it is, in words. The one place where that is chosen.

    The newest noise scale with a Hessian and rates up to the edge (`critical_batch_hessian`), where it was
    measured in the later half of the steps so far and its interval lies within the factor of its value to
    which 1/C_1 is known to tell the batch; else the newest 1/C_1.
    """
    sized = [m for m in history if m.batch_size > 0]
    bent = _latest(sized, lambda m: m.critical_batch_hessian is not None)
    e = None if bent is None else bent.critical_batch_hessian
    late = bent is not None and 2 * bent.step >= history[-1].step
    if bent is not None and e is not None and late and e.low * WITHIN >= e.value >= e.high / WITHIN:
        words = "the noise scale with Hessian and edge, within a factor of"
        return bent, e, f"{words} {WITHIN_HESSIAN:g} in our study"
    m = _latest(sized, lambda m: critical_batch(m) is not None)
    found = None if m is None else critical_batch(m)
    if m is None or found is None:
        return None
    return m, found, f"the noise scale 1/C_1, within a factor of {WITHIN:g} in our study"


def findings(source: Any) -> list[Finding]:
    """What a training says: what to change, the most urgent first, then what may stay, then what is open.

    Args:
        source: as of `history_of`: a live monitor, its measurements, a recorded run, or the path of either.
            Of each quantity the newest measurement that holds it is read.

    Raises:
        RunError: nothing was measured.
    """
    history = history_of(source)
    found = [f for read in (_edge, _loss, _held_out, _batch) for f in read(history)]
    return sorted(found, key=lambda f: (not f.resolved, not f.change))


def advice_lines(source: Any) -> tuple[str, str]:
    """The first two lines of what a training says: what to change, or that nothing is resolved yet and what
    that would take; the second may be empty.

    Args:
        source: as of `findings`, or these.
    """
    given = isinstance(source, list) and all(isinstance(f, Finding) for f in source)
    found: list[Finding] = source if given else findings(source)
    told = [f for f in found if f.resolved]
    if not told:
        if not found:
            return "nothing is resolved yet: nothing that says what to change was measured", ""
        return f"nothing is resolved yet; {found[0].text}", found[0].why
    first = told[0].text if told[0].change else f"no change is called for so far: {told[0].text}"
    # Another change goes before what this one costs, and that before what may stay.
    after = [f.text for f in told[1:] if f.change] + [told[0].why] + [f.text for f in found[1:]]
    return first, next((text for text in after if text), "")


def _latest(history: Sequence[Measurement], has: Callable[[Measurement], bool]) -> Measurement | None:
    return next((m for m in reversed(history) if has(m)), None)


def _batch(history: Sequence[Measurement]) -> Iterator[Finding]:
    told = told_batch(history)
    if told is None:
        return
    m, found, form = told
    # The last batch of an epoch may be smaller than the batch in use.
    sizes = [one.batch_size for one in history if one.batch_size > 0 and one.step <= m.step]
    size, flags = max(sizes[-_FEW:]), tuple(dict.fromkeys((*found.flags, *m.flags)))
    equals = "" if math.isnan(found.value) else "= "
    about = f"B_crit {equals}{_interval(found)}, you use {size:,}{_rest(history, m, flags)}"
    values: dict[str, Any] = {"critical_batch": _ends(found), "batch_size": size}
    change, resolved = "", True
    # An end that is not known supports nothing: comparisons with NaN are false.
    if _MEETING in flags:
        resolved, text = False, f"open whether another batch size would pay: {about}"
        why = (
            "examples may depend on one another in this loss: micro-batches of an accumulated step would tell"
        )
    elif found.high <= size / 2 or found.low >= size * 2:
        change, times = ("halve", 0.5) if found.high <= size / 2 else ("double", 2.0)
        far = found.high <= size / 4 or found.low >= size * 4
        text = f"batch size could be {change}d{' and more' if far else ''}: {about}"
        why, values["cost"] = _cost(found, size, times)
    elif size / 2 < found.low and found.high < 2 * size:
        text, why = (
            f"batch size is about right: {about}",
            "; ".join(_cost(found, size, t)[0] for t in (0.5, 2)),
        )
    else:
        resolved, text = False, f"open whether another batch size would pay: {about}"
        why = _needed(history, m) if m.critical_batch_hessian is not found else _further(found)
    if resolved:
        why += f"; B_crit is {form}"
    yield Finding("batch", change, text, why, resolved, m.step, flags, values)


def _cost(critical: Estimate, size: int, times: float) -> tuple[str, dict[str, Any]]:
    """Steps and examples at another batch over those at this one, with intervals: in words, and plain."""

    def steps(b: float) -> float:
        return 1 / times if math.isinf(b) else (1 + b / (size * times)) / (1 + b / size)

    ends = sorted(steps(b) for b in (critical.low, critical.high))
    made = [
        Estimate(f * steps(critical.value), f * ends[0], f * ends[1], critical.level, "", 1)
        for f in (1.0, times)
    ]
    told = [_interval(e) for e in made]
    text = f"at batch {_number(size * times)}: {told[0]} × the steps, {told[1]} × the examples"
    return text, {"batch_size": size * times, "steps": _ends(made[0]), "examples": _ends(made[1])}


def _further(found: Estimate) -> str:
    """What would settle the batch where it is of few readings with a Hessian."""
    of = f": its interval is of {found.n:,}" if found.n > 2 else ""
    return f"more readings with a Hessian are needed{of}"


def _needed(history: Sequence[Measurement], m: Measurement) -> str:
    """How many more readings would settle the batch, were C to stay what it is."""
    c = m.C_alpha
    if c is None or not math.isfinite(c.high) or not c.low < c.high or c.n < 3:
        # A recorded run does not say of how many readings an interval is.
        return "more readings are needed"
    worth = float(c.details.get("readings", c.n))
    if worth < 0.5 * c.n:
        count = f"{_number(worth)} of its {c.n:,} readings count"
        return f"C moves: {count}; closer ones, of a larger budget, would tell"
    # C is the batch in units of the critical one: below 1/2 doubling pays, above 2 halving.
    outside = max(c.value - 2, 0.5 - c.value)
    half, gap = (c.high - c.low) / 2, outside if outside > 0 else min(c.value - 0.5, 2 - c.value)
    total = math.ceil(c.n * (half / gap) ** 2) if gap > 0 else math.inf
    if total > 100 * c.n:
        return f"C lies so near a bound that more than 100 times its {c.n:,} readings would be needed"
    total = max(int(total), c.n + 1)
    read = [one.step for one in history if one.C_alpha is not None and one.C_alpha.method == c.method]
    if len(read) > 1.07 * c.n + 1:
        # The window is full, but for what fills no block at its old end: it has to be longer.
        return f"a window of about {total:,} readings would tell; it is one of {c.n:,}"
    each = max(1.0, (read[-1] - read[0]) / max(1, len(read) - 1))
    more = total - c.n
    words = f"{more:,} more reading{'s' * (more > 1)}"
    return f"about {words} would tell: some {_number(more * each)} steps at the present pace"


def _edge(history: Sequence[Measurement]) -> Iterator[Finding]:
    m = _latest(history, lambda m: _edge_ratio(m) is not None)
    e = None if m is None else _edge_ratio(m)
    if m is None or e is None or not (math.isfinite(e.low) and math.isfinite(e.high)):
        return
    about = f"{_interval(e)} of the edge of stability{_rest(history, m, e.flags)}"
    values = {"edge_ratio": _ends(e), "learning_rate": m.learning_rate}
    text, change = f"step is at {about}", ""
    if e.low > 1:
        text, change = f"step is past the edge, at {about}: a smaller learning rate is stable", "lower"
    elif e.low >= NEAR:
        text, change = f"{text}: a larger learning rate would not be stable", "keep"
    elif e.high < 0.5:
        text = f"{text}: curvature alone would allow a larger learning rate"
    yield Finding("rate", change, text, "", True, m.step, e.flags, values)


def _edge_ratio(m: Measurement) -> Estimate | None:
    """λ/λ_crit as the optimizer meets it, also of measurements that hold S = 2(1 − λ/λ_crit) alone."""
    if m.edge_ratio is not None or m.S is None:
        return m.edge_ratio
    return m.S.mapped(lambda s: 1 - s / 2, falling=True)


def _loss(history: Sequence[Measurement]) -> Iterator[Finding]:
    """Whether steps lower the training loss: by the newest progress, else by the newest phase."""
    measured = _latest(history, lambda m: m.progress is not None and math.isfinite(m.progress.low))
    decided = _latest(history, lambda m: m.phase in (*_DECIDED, "transition"))
    sinks = None if measured is None else descends(measured)
    m, e, named = measured, None if measured is None else measured.progress, ""
    if sinks is None and decided is not None and not doubts(decided, decided.C_star):
        by = decided.lyapunov_drift or decided.C_alpha
        if by is not None and (m is None or decided.phase in _DECIDED):
            m, e, named = decided, by, "drift " if decided.lyapunov_drift else "C "
            sinks = _DECIDED.get(decided.phase)
    if m is None or e is None:
        return
    rests = f"{named}{_interval(e)}{'' if named else ' a step'}{_rest(history, m, e.flags)}"
    change = why = ""
    if sinks is None:
        text, pairs = f"open whether steps lower the training loss: {rests}", e.details.get("pairs_needed")
        if pairs is not None and math.isfinite(pairs):
            why = f"about {_number(max(pairs, e.n + 1))} pairs of steps would tell; it is of {e.n:,}"
    elif sinks:
        text = f"steps lower the training loss: {rests}"
    else:
        change = "lower"
        text = f"steps raise the training loss: {rests}; lower the learning rate or raise the batch size"
    yield Finding("loss", change, text, why, sinks is not None, m.step, e.flags, {"change": _ends(e)})


def _held_out(history: Sequence[Measurement]) -> Iterator[Finding]:
    m = _latest(history, lambda m: m.progress_heldout is not None)
    if m is None or m.progress_heldout is None:
        return
    e, train = m.progress_heldout, m.progress
    if not (math.isfinite(e.low) and math.isfinite(e.high)):
        return
    rests = f"{_interval(e)} a step{_rest(history, m, e.flags)}"
    beside = f", training loss changes by {_interval(train)}" if train is not None else ""
    change, resolved = "", True
    if e.low > 0:
        text, change = f"steps raise the held-out loss: {rests}{beside}", "stop"
    elif train is not None and train.high < 0 and -e.low < HELPED * -train.high:
        text, change = f"steps no longer help held-out data: {rests}{beside}", "stop"
    elif e.high < 0:
        text = f"steps help held-out data: {rests}"
    else:
        text, resolved = f"open whether steps help held-out data: {rests}", False
    values = {"progress_heldout": _ends(e), "progress": None if train is None else _ends(train)}
    yield Finding("held-out", change, text, "", resolved, m.step, e.flags, values)


def _rest(history: Sequence[Measurement], m: Measurement, flags: Sequence[str]) -> str:
    """When it was measured, where that is not now, and its flags."""
    when = "" if m.step == history[-1].step else f" at step {m.step:,}"
    told = [f.replace("_", " ") for f in flags if f not in _SAID]
    more = f" and {len(told) - _MOST} more" if len(told) > _MOST else ""
    return when + (f" (flagged: {', '.join(told[:_MOST])}{more})" if told else "")


def _ends(e: Estimate) -> list[float]:
    return [e.value, e.low, e.high]


def _interval(e: Estimate) -> str:
    if math.isnan(e.low) and math.isnan(e.high):
        return f"{_number(e.value)} [no interval]"
    if math.isnan(e.value) and math.isnan(e.low):
        return "unknown"
    if math.isnan(e.value):
        return (
            f"{_number(e.low)} to {_number(e.high)}" if math.isfinite(e.high) else f"above {_number(e.low)}"
        )
    value, low, high = map(_number, (e.value, e.low, e.high))
    # Of what was read without draws.
    return value if low == value == high else f"{value} [{low}, {high}{')' if math.isinf(e.high) else ']'}"


def _number(x: float) -> str:
    if not math.isfinite(x):
        return "∞" if x > 0 else "unknown"
    x = float(f"{x:.3g}")
    return (f"{x:,.0f}" if abs(x) >= 100 else f"{x:g}").replace("-", "−")
