"""Phases of two arms: their sequence, the share of time in each, crossing times and agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.comparison.statistics import difference_interval
from sdesim.errors import RunError
from sdesim.estimators.core.support import mean_interval
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.runs.quantities import meanings
from sdesim.runs.quantity_row import PHASES
from sdesim.runs.schema import check_run
from sdesim.support import ANYTHING, POSITIVE, SHARE, Support

# The phase of what is not decided.
OPEN = "transition"
# Draws of seeds, and a fixed seed for them.
BOOTSTRAP = 2000
_UNKNOWN = (float("nan"), float("nan"))
CROSSINGS: tuple[tuple[str, str], ...] = (
    ("exploration", "generalization"),
    ("generalization", "exploration"),
)


@dataclass(frozen=True)
class Crossing:
    """First change of decided phase between two phases, per arm, with the difference of mean times.

    `simulated`, `real`: mean first time over the trajectories that cross (NaN if none), `*_count` how many
    do. `difference` = simulated − real with Welch's interval; NaN bounds when it can't be had.
    `simulated_interval`, `real_interval` are those of the mean times, over the trajectories that cross.
    """

    start: str
    end: str
    simulated: float
    simulated_count: int
    real: float
    real_count: int
    difference: tuple[float, float, float]
    simulated_interval: tuple[float, float] = _UNKNOWN
    real_interval: tuple[float, float] = _UNKNOWN


@dataclass(frozen=True)
class PhaseComparison:
    """Phases (of C against C*, or of C against 1) of two arms.

    `sequence_*`: (phase, from, to) of the commonest phase over trajectories. `share_*`: fraction of time in
    each phase. `agreement`: of the `decided` of all aligned `times`, those where the commonest phase of
    neither arm is open ("transition"), the fraction with the same phase; NaN where none is decided. `kappa`
    is Cohen's at the same times, NaN where both arms hold one and the same phase at all of them (chance
    agreement is then complete). `share_*_interval` are intervals of the mean over trajectories,
    `share_difference` simulated − real with its own; `agreement_interval` and `kappa_interval` are of seeds
    drawn anew, with replacement, from each arm (percentiles of `BOOTSTRAP` draws; NaN with fewer than three
    seeds in an arm): agreement beyond chance is a kappa whose interval lies above 0. `order_*`: share of
    trajectories by the order of their decided phases ("generalization, exploration").
    """

    name: str
    sequence_simulated: tuple[tuple[str, float, float], ...]
    sequence_real: tuple[tuple[str, float, float], ...]
    share_simulated: dict[str, float]
    share_real: dict[str, float]
    crossings: tuple[Crossing, ...]
    agreement: float
    kappa: float
    decided: int
    times: int
    verdict: str
    share_simulated_interval: dict[str, tuple[float, float]] = field(default_factory=dict)
    share_real_interval: dict[str, tuple[float, float]] = field(default_factory=dict)
    share_difference: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    agreement_interval: tuple[float, float] = _UNKNOWN
    kappa_interval: tuple[float, float] = _UNKNOWN
    order_simulated: dict[str, float] = field(default_factory=dict)
    order_real: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<{self.name}: {self.verdict}>"


def phase_array(measured: Any, name: str) -> tuple[NDArray[np.str_], NDArray[np.float64]] | None:
    """(trajectory, probe) phases and (probe,) times of a measured Dataset; None if it has none."""
    if measured is None or name not in measured or "probe_time" not in measured.variables:
        return None
    labels = np.asarray(measured[name].transpose("trajectory", "probe").values).astype(str)
    labels = np.where(np.isin(labels, PHASES), labels, "")
    time = np.asarray(measured["probe_time"].values, dtype=np.float64)
    if time.ndim > 1:
        time = time.mean(axis=0)
    known = (labels != "").any(axis=0) & np.isfinite(time)
    rows = (labels != "").any(axis=1)
    return (labels[rows][:, known], time[known]) if known.any() else None


@refusing(RunError)
def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """κ = (p_o − p_e)/(1 − p_e) of two label sequences of equal length; NaN where p_e = 1 or empty."""
    a, b = np.asarray(first, dtype=str), np.asarray(second, dtype=str)
    if a.shape != b.shape:
        raise RunError(f"kappa needs sequences of equal length, got {a.size} and {b.size}")
    if a.size == 0:
        return float("nan")
    observed = float((a == b).mean())
    chance = sum(float((a == label).mean() * (b == label).mean()) for label in np.union1d(a, b))
    return (observed - chance) / (1 - chance) if chance < 1 - 1e-12 else float("nan")


def commonest(labels: NDArray[np.str_]) -> NDArray[np.str_]:
    """Commonest phase over trajectories at each probe (probe,); ties go to "transition"."""
    counts = np.stack([(labels == phase).sum(axis=0) for phase in PHASES])
    best = counts.argmax(axis=0)
    tied = (counts == counts.max(axis=0)).sum(axis=0) > 1
    return np.asarray(np.array(PHASES)[np.where(tied, PHASES.index(OPEN), best)])


@refusing(RunError)
def phase_segments(labels: Sequence[str], times: Sequence[float]) -> tuple[tuple[str, float, float], ...]:
    """Run-length form (phase, from, to); a phase lasts until the next probe that shows another."""
    segments: list[tuple[str, float, float]] = []
    for label, time in zip(labels, times, strict=True):
        if segments and segments[-1][0] == label:
            segments[-1] = (segments[-1][0], segments[-1][1], float(time))
            continue
        if segments:
            segments[-1] = (segments[-1][0], segments[-1][1], float(time))
        segments.append((str(label), float(time), float(time)))
    return tuple(segments)


def shares(labels: NDArray[np.str_], times: NDArray[np.float64]) -> dict[str, float]:
    """Fraction of time in each phase, over trajectories; a probe stands for half the gaps beside it."""
    if times.size > 1:
        edges = np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
        weight = np.diff(edges)
    else:
        weight = np.ones(1)
    weights = np.broadcast_to(weight, labels.shape) * (labels != "")
    total = float(weights.sum())
    return {p: float((weights * (labels == p)).sum() / total) if total else 0.0 for p in PHASES}


def _own_shares(labels: NDArray[np.str_], times: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Fraction of time in each phase of every trajectory (n,)."""
    rows = [shares(row[None], times) for row in labels]
    return {p: np.array([row[p] for row in rows]) for p in PHASES}


def _interval(values: NDArray[np.float64], support: Support, level: float) -> tuple[float, float]:
    """Interval of the mean of values (n,) within their support; NaN of fewer than two."""
    if values.size < 2:
        return _UNKNOWN
    _, low, high = mean_interval(values[:, None], support, level)
    return float(low[0]), float(high[0])


def orders(labels: NDArray[np.str_]) -> dict[str, float]:
    """Share of trajectories by the order of their decided phases, the commonest first."""
    found: dict[str, int] = {}
    for row in labels:
        decided = [p for p in row if p and p != OPEN]
        order = [p for k, p in enumerate(decided) if k == 0 or p != decided[k - 1]]
        text = ", ".join(order) or OPEN
        found[text] = found.get(text, 0) + 1
    return {text: n / len(labels) for text, n in sorted(found.items(), key=lambda item: -item[1])}


def _bootstrap(
    sim: NDArray[np.str_], ref: NDArray[np.str_], level: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Intervals of agreement and kappa over seeds drawn anew from labels (n_s, T) and (n_r, T) at the same
    times."""
    if min(len(sim), len(ref)) < 3:
        return _UNKNOWN, _UNKNOWN
    rng = np.random.default_rng(0)
    sides = []
    for labels in (sim, ref):
        n = len(labels)
        weights = rng.multinomial(n, np.full(n, 1 / n), BOOTSTRAP).astype(np.float64)
        counts = np.stack([weights @ (labels == p).astype(np.float64) for p in PHASES])
        best = counts.argmax(axis=0)
        tied = (counts == counts.max(axis=0)).sum(axis=0) > 1
        sides.append(np.where(tied, PHASES.index(OPEN), best))
    a, b = sides
    told = (a != PHASES.index(OPEN)) & (b != PHASES.index(OPEN))
    n = told.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreed = ((a == b) & told).sum(axis=1) / n
        chance = sum(
            (((a == k) & told).sum(axis=1) / n) * (((b == k) & told).sum(axis=1) / n)
            for k in range(len(PHASES))
        )
        kappa = np.where(chance < 1 - 1e-12, (agreed - chance) / (1 - chance), np.nan)
    return _percentiles(agreed, level), _percentiles(kappa, level)


def _percentiles(values: NDArray[np.float64], level: float) -> tuple[float, float]:
    """Interval of draws; NaN where a tenth of them or more have no value."""
    known = values[np.isfinite(values)]
    if known.size <= 0.9 * values.size:
        return _UNKNOWN
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def first_crossing(labels: Sequence[str], times: Sequence[float], start: str, end: str) -> float:
    """First time at `end` after `start` (with "transition" deciding nothing in between); NaN if never."""
    last = ""
    for label, time in zip(labels, times, strict=True):
        if label not in (start, end):
            continue
        if label == end and last == start:
            return float(time)
        last = label
    return float("nan")


@refusing(RunError)
def compare_phases(
    simulated: Any, real: Any, name: str = "phase", level: float = 0.95
) -> PhaseComparison | None:
    """Compares the phases `name` ("phase" | "phase_literal") of two measured Datasets in common time."""
    for arm, measured in (("simulated", simulated), ("real", real)):
        if measured is not None:
            check_run(measured, arm)
    level = level_of(level, error=RunError)
    arms = [phase_array(simulated, name), phase_array(real, name)]
    if arms[0] is None or arms[1] is None:
        return None
    (sim, sim_time), (ref, ref_time) = arms[0], arms[1]
    end = min(sim_time[-1], ref_time[-1]) * (1 + 1e-9)
    start = max(sim_time[0], ref_time[0])
    start -= 1e-9 * abs(start)
    sim, sim_time = _between(sim, sim_time, start, end)
    ref, ref_time = _between(ref, ref_time, start, end)
    if sim_time.size == 0 or ref_time.size == 0:
        return None
    nearest = np.abs(sim_time[None, :] - ref_time[:, None]).argmin(axis=1)
    common_sim, common_ref = commonest(sim), commonest(ref)
    # Two arms that are both undecided agree in nothing.
    told = (common_sim[nearest] != OPEN) & (common_ref != OPEN)
    both = common_sim[nearest][told], common_ref[told]
    agreement = float((both[0] == both[1]).mean()) if told.any() else float("nan")
    kappa = cohen_kappa(list(both[0]), list(both[1]))
    crossings = tuple(_crossing(sim, sim_time, ref, ref_time, a, b, level) for a, b in CROSSINGS)
    agreed, beyond = _bootstrap(sim[:, nearest], ref, level)
    each = [_own_shares(labels, times) for labels, times in ((sim, sim_time), (ref, ref_time))]
    return PhaseComparison(
        name=name,
        sequence_simulated=phase_segments(list(common_sim), list(sim_time)),
        sequence_real=phase_segments(list(common_ref), list(ref_time)),
        share_simulated=shares(sim, sim_time),
        share_real=shares(ref, ref_time),
        crossings=crossings,
        agreement=agreement,
        kappa=kappa,
        decided=int(told.sum()),
        times=int(ref_time.size),
        verdict=_verdict(name, agreement, kappa, beyond, int(told.sum()), ref_time.size, crossings),
        share_simulated_interval={p: _interval(each[0][p], SHARE, level) for p in PHASES},
        share_real_interval={p: _interval(each[1][p], SHARE, level) for p in PHASES},
        share_difference={p: difference_interval(each[0][p], each[1][p], level) for p in PHASES},
        agreement_interval=agreed,
        kappa_interval=beyond,
        order_simulated=orders(sim),
        order_real=orders(ref),
    )


def _between(
    labels: NDArray[np.str_], times: NDArray[np.float64], start: float, end: float
) -> tuple[NDArray[np.str_], NDArray[np.float64]]:
    inside = (times >= start) & (times <= end)
    return labels[:, inside], times[inside]


def _crossing(
    sim: NDArray[np.str_],
    sim_time: NDArray[np.float64],
    ref: NDArray[np.str_],
    ref_time: NDArray[np.float64],
    start: str,
    end: str,
    level: float,
) -> Crossing:
    found = []
    for labels, times in ((sim, sim_time), (ref, ref_time)):
        each = np.array([first_crossing(list(row), list(times), start, end) for row in labels])
        found.append(each[np.isfinite(each)])
    a, b = found
    nan = float("nan")
    difference = difference_interval(a, b, level) if a.size and b.size else (nan, nan, nan)
    means = [float(x.mean()) if x.size else nan for x in found]
    own = [_interval(x, POSITIVE if (x > 0).all() else ANYTHING, level) for x in found]
    return Crossing(start, end, means[0], a.size, means[1], b.size, difference, own[0], own[1])


def _verdict(
    name: str,
    agreement: float,
    kappa: float,
    beyond: tuple[float, float],
    decided: int,
    times: int,
    crossings: tuple[Crossing, ...],
) -> str:
    if not decided:
        return f"undecided in one of the arms, or both, at all of {times} aligned times"
    said = meanings(name)
    text = f"same phase at {agreement:.0%} of {decided} aligned times"
    text += "" if decided == times else f" where both are decided, of {times}"
    if np.isfinite(kappa):
        known = np.isfinite(beyond[0])
        bounds = f" [{beyond[0]:.2f}, {beyond[1]:.2f}]" if known else ""
        shown = ", beyond chance" if beyond[0] > 0 else ", not shown to be beyond chance"
        chance = shown if known else ""
        text += f" (kappa {kappa:.2f}{bounds}{chance})"
    elif agreement == 1:
        text += " (one phase throughout, so kappa says nothing)"
    for c in crossings:
        if c.simulated_count or c.real_count:
            change = f"{said[c.start]}, then {said[c.end]}"
            text += f"; {change}: {c.simulated_count} simulated, {c.real_count} real trajectories"
        delta, low, high = c.difference
        if np.isfinite(delta):
            bounds = f" [{low:.3g}, {high:.3g}]" if np.isfinite(low) else ""
            text += f", simulated {delta:+.3g}{bounds} in time"
    return text
