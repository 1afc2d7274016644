"""`compare`: every measured quantity and the phases of a simulated run against a real one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np

from sdesim.comparison.align import Aligned, align, series
from sdesim.comparison.design import shared
from sdesim.comparison.equivalence import MARGIN, check_margin
from sdesim.comparison.paths import PathTest, path_test
from sdesim.comparison.phases import PhaseComparison, compare_phases
from sdesim.comparison.power import power_of
from sdesim.comparison.quantity import QuantityComparison, describe, judge, measure_difference, with_power
from sdesim.comparison.statistics import holm
from sdesim.errors import RunError
from sdesim.io.html import html_table
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import level_of
from sdesim.runs.quantities import independent, lookup, names, smooths
from sdesim.runs.schema import check_run

# What is said of a quantity, in the order in which it is counted; the first holds one, the second several.
_OUTCOMES = {
    "differs": ("differs", "differ"),
    "undecided": ("undecided", "undecided"),
    "indistinguishable": ("not told apart", "not told apart"),
    "equal": ("equal within {}", "equal within {}"),
}


@dataclass(frozen=True)
class Comparison:
    """A simulated and a real run side by side.

    `quantities` by name; `phases` by name ("phase": C against C*, "phase_literal": C against 1); `notes`
    say what could not be compared and how the verdicts were reached. `margin` is that of "equal within", in
    spreads of the real seeds. `paths` says whether whole paths have one law (`comparison.paths`), None where
    the arms share none. `shared`: what pairs trajectory k of both, empty where they are independent
    (`comparison.design`).
    """

    simulated: str
    real: str
    level: float
    margin: float
    quantities: Mapping[str, QuantityComparison]
    phases: Mapping[str, PhaseComparison]
    notes: tuple[str, ...]
    paths: PathTest | None = None
    shared: tuple[str, ...] = ()

    @property
    def verdicts(self) -> list[str]:
        """One line per quantity, then one per kind of phase, and one of whole paths."""
        lines = [f"{name}: {q.verdict}" for name, q in self.quantities.items()]
        lines += [f"{name}: {p.verdict}" for name, p in self.phases.items()]
        return lines + ([] if self.paths is None else [f"paths: {self.paths.verdict}"])

    @property
    def independent(self) -> list[str]:
        """Names of the quantities of which none is computed from another of them: what verdicts are counted
        over."""
        return independent(self.quantities)

    @property
    def distances(self) -> dict[str, float]:
        """Distance per quantity, in units of the real seeds' spread."""
        return {name: q.distance for name, q in self.quantities.items()}

    @property
    def margins(self) -> dict[str, float]:
        """Per quantity the smallest margin within which the arms are shown to be equal, in spreads; NaN where
        there is no yardstick."""
        return {
            name: math.nan if q.equivalence is None else q.equivalence.smallest
            for name, q in self.quantities.items()
        }

    def __repr__(self) -> str:
        """What was found, a line for each quantity; the verdicts in full stand in `verdicts`."""
        head = f"<Comparison of {self.simulated!r} with {self.real!r}: {self._counts()}>"
        rows = [(r[0], r[1], f"distance {r[2]}, null up to {r[3]}", r[4]) for r in self._rows()]
        wide = [max((len(r[k]) for r in rows), default=0) for k in range(3)]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(r, wide, strict=False)) + f"  {r[3]}" for r in rows
        ]
        phases = [repr(p) for p in (*self.phases.values(), self.paths) if p is not None]
        return "\n".join([head, *(f"  {line.rstrip()}" for line in lines), *(f"  {p}" for p in phases)])

    def _repr_html_(self) -> str:
        title = f"{self.simulated} against {self.real}: {self._counts()}"
        head = ("quantity", "outcome", "distance", "null up to", "simulated, mean over time")
        phases = [f"{name}: {p.verdict}." for name, p in self.phases.items()]
        phases += [] if self.paths is None else [f"{self.paths.verdict.capitalize()}."]
        return html_table(head, self._rows(), title, " ".join([*phases, *self.notes]))

    def to_table(self) -> Any:
        """A pandas DataFrame, a row for each quantity: outcome, distance, null_distance, null_high, effect
        with low and high and its kind, p_holm, whether it is equal within the margin and the smallest margin
        shown, the numbers of trajectories, whether it is independent of the others, and the verdict."""
        import pandas as pd

        rows = [
            {
                "quantity": q.name, "outcome": q.outcome, "distance": q.distance,
                "null_distance": q.null_distance, "null_high": q.null_high, "effect": q.effect[0],
                "effect_low": q.effect[1], "effect_high": q.effect[2], "effect_kind": q.effect_kind,
                "p_holm": q.p_holm, "equal": q.equal, "margin_shown": self.margins[q.name],
                "n_simulated": q.simulated.n, "n_real": q.real.n,
                "independent": q.name in self.independent, "verdict": q.verdict,
            }
            for q in self.quantities.values()
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def _counts(self) -> str:
        alone = self.independent
        counts = Counter(_said(self.quantities[name]) for name in alone)
        told = ", ".join(
            f"{counts[name]} {words[1].format(f'{self.margin:g}')}"
            for name, words in _OUTCOMES.items()
            if counts[name]
        )
        return f"of {len(alone)} independent quantities {told}" if told else "nothing was compared"

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        rows = []
        for name, q in self.quantities.items():
            row = lookup(name)
            shown = name if name in self.independent or row is None else f"{name} (of {row.follows})"
            # A mean over time that leans may still be no more than chance at each time: it would contradict.
            effect = "" if q.outcome == "indistinguishable" else describe(q)
            said = _OUTCOMES[_said(q)][0].format(f"{self.margin:g}")
            rows.append((shown, said, f"{q.distance:.2g}", f"{q.null_high:.2g}", effect))
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers; values that are not finite become None."""
        plain = {
            "simulated": self.simulated,
            "real": self.real,
            "level": self.level,
            "margin": self.margin,
            "quantities": {k: _plain(q) for k, q in self.quantities.items()},
            "phases": {k: _plain(p) for k, p in self.phases.items()},
            "paths": _plain(self.paths),
            "shared": list(self.shared),
            "independent": self.independent,
            "verdicts": self.verdicts,
            "distances": _plain(self.distances),
            "margins": _plain(self.margins),
            "notes": list(self.notes),
        }
        return plain


def _said(q: QuantityComparison) -> str:
    """Outcome of both tests together: "equal" where that is shown and no difference is."""
    return "equal" if q.equal else str(q.outcome)


@refusing(RunError)
def compare(
    simulated: Any,
    real: Any,
    quantities: Sequence[str] | None = None,
    level: float = 0.95,
    *,
    measured: tuple[Any, Any] | None = None,
    margin: float = MARGIN,
) -> Comparison:
    """Compares a simulated Run with a real one over their common time.

    Args:
        simulated, real: Runs (xarray Datasets of the run schema).
        quantities: names to compare, of numbers over steps or probes and of words ("phase"); default what the
            table of quantities marks as compared, as far as both arms hold it.
        level: of the intervals; 1 − level is the chance that any "differs" is said of two equal laws.
        measured: their measurements (simulated, real), so that they need not be computed again.
        margin: within which distance, in spreads of the real seeds, arms are called equal; each such call is
            wrong with probability 1 − level at most (`comparison.equivalence`).

    Raises:
        RunError: level outside (0, 1), margin not positive, a run without time, or a quantity named that an
            arm does not hold.
    """
    check_run(simulated, "simulated")
    check_run(real, "real")
    level = level_of(level, error=RunError)
    check_margin(margin)
    smooth = smooths(quantities or ())
    sim_measured, real_measured = (
        (_measure(simulated, smooth), _measure(real, smooth)) if measured is None else measured
    )
    worded = names(lambda row: bool(row.words))
    chosen = quantities or names(lambda row: row.compared)
    wanted = [q for q in chosen if q not in worded]
    common = shared(simulated, real)
    pairs: dict[str, Aligned] = {}
    absent: list[str] = []
    for name in dict.fromkeys(wanted):
        a, b = series(simulated, sim_measured, name), series(real, real_measured, name)
        if quantities is not None and (a is None or b is None):
            arm = "simulated" if a is None else "real"
            raise RunError(f"the {arm} run has no quantity {name!r} over time")
        pair = None if a is None or b is None else align(a, b, bool(common))
        if pair is None:
            absent.append(name)
        else:
            pairs[name] = pair

    count = max(len(pairs), 1)
    raw = {name: measure_difference(name, pair, level, count, margin) for name, pair in pairs.items()}
    adjusted = holm(np.array([q.p_value for q in raw.values()], dtype=np.float64))
    judged = {
        name: judge(q, float(p), level, count) for (name, q), p in zip(raw.items(), adjusted, strict=True)
    }
    open_ones = sum(q.outcome != "differs" for q in judged.values())
    judged = {
        name: q
        if q.outcome == "differs"
        else with_power(q, power_of(pairs[name], level, count, open_ones, q.null_limit))
        for name, q in judged.items()
    }
    kinds = [q for q in (chosen if quantities is None else quantities) if q in worded]
    phases = {k: compare_phases(sim_measured, real_measured, k, level) for k in kinds}
    return Comparison(
        simulated=str(simulated.attrs.get("name", "simulated")),
        real=str(real.attrs.get("name", "real")),
        level=level,
        margin=float(margin),
        quantities=judged,
        phases={k: p for k, p in phases.items() if p is not None},
        notes=(
            *_probed(simulated, real),
            *_foretold(simulated, real),
            *_design(common),
            *_notes(judged, absent, level),
        ),
        paths=path_test(simulated, real, level=level, paired=bool(common)),
        shared=common,
    )


def _measure(run: Any, smooth: bool) -> Any | None:
    if "probe" not in run.dims:
        return None
    from sdesim.runs import measure

    return measure(run, smooth=smooth)


def _probed(*runs: Any) -> list[str]:
    """Of how many trajectories quantities that take probes are, where that is not all."""
    told = []
    for run in runs:
        count = run.sizes.get("trajectory", 0)
        probed = int(run.attrs.get("probe_trajectories", count))
        told += [f"{probed} of {count} of {run.attrs.get('name', 'a run')}"] if probed < count else []
    return [f"Probed trajectories: {', '.join(told)}."] if told else []


def _foretold(simulated: Any, real: Any) -> list[str]:
    """Of a forecast, whose futures begin in one seed, that all seeds of the real arm are held against it."""
    if "forecast_of" not in simulated.attrs or real.sizes.get("trajectory", 0) < 2:
        return []
    one, start = int(simulated.attrs["forecast_of"]), int(simulated.attrs["forecast_from"])
    name = simulated.attrs.get("name", "simulated")
    return [
        f"{name} foretells trajectory {one} from step {start} on and is held against all trajectories here, "
        "which stood elsewhere by then."
    ]


def _design(common: Sequence[str]) -> list[str]:
    """That the arms are paired, and by what."""
    return [f"Trajectories are compared in pairs: {' and '.join(common)}."] if common else []


def _notes(judged: Mapping[str, QuantityComparison], absent: Sequence[str], level: float) -> list[str]:
    notes = []
    if absent:
        notes.append("Not measured in both arms over a common time: " + ", ".join(absent) + ".")
    if any(q.basis == "distance against its null" for q in judged.values()):
        notes.append(
            "Too few seeds for a permutation test to reach significance after Holm's correction; those "
            "verdicts rest on the distance against what further real seeds would show (normal law assumed)."
        )
    dropped = {name: q.dropped for name, q in judged.items() if q.dropped}
    if dropped:
        held = ", ".join(f"{name} ({n})" for name, n in dropped.items())
        notes.append(f"Trajectories left out because most of their values are not finite: {held}.")
    if judged:
        notes.append(
            f"For two arms of equal law at most {1 - level:.0%} of comparisons hold any 'differs'. "
            "'Indistinguishable' means not told apart at this sample size, not proven equal; 'equal within' "
            f"a margin is what two one-sided tests show, each wrong in at most {1 - level:.0%}, the margin "
            "in spreads of the real seeds and fixed beforehand. Of what is not "
            "told apart each verdict says which constant difference would have been, in spreads of the real "
            "seeds, and how many seeds in each arm would tell the one that was measured."
        )
    return notes


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.integer):
        return int(value)
    return value
