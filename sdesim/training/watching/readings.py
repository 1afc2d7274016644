"""The readings of a watched training, and what they say together."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.estimate import Estimate
from sdesim.estimators import critical_batch, per_example, probability
from sdesim.estimators.consolidation.contributions import contribution_moments
from sdesim.estimators.dynamics.read_steps import ReadSteps, Told, newest_of_each
from sdesim.training.monitor.as_run import as_run
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.watching.history import Asked
from sdesim.training.watching.step_reader import StepRead

# Readings whose measurements are made at a time.
_TOGETHER = 64
# Of what nothing is known.
NOTHING = Estimate(math.nan, math.nan, math.nan, 0.95, "", 0, ("no_value", "no_interval"))
_FIELDS = (
    "step", "time", "rate", "signal", "noise", "parts", "batch", "before", "after", "gain", "decay",
    "clipped", "outside",
)  # fmt: skip


@dataclass(frozen=True)
class Pending:
    """A step that was read and waits for the gradient of the next.

    Attributes:
        step, time: before it. rate: η of it.
        gain: Ā of its optimizer, NaN where there is none. decay: largest weight decay.
        before: unbiased for u·∇L at its start, NaN where not known. outside: whether by a batch outside it.
    """

    step: int
    time: float
    rate: float
    read: StepRead
    gain: float
    decay: float
    before: float = math.nan
    outside: bool = False


class Readings:
    """Rows of numbers, one for each step that was read.

    Args:
        window: readings that C is of, at most. phase_window: pairs of steps that drift, C* and phase are of.
        flag: of what successive steps tell, "" for none. total: examples of an epoch whose batches are drawn
            without replacement, 0 where they are not or it is not known.
    """

    def __init__(self, window: int, phase_window: int, flag: str, total: int = 0) -> None:
        self._window, self._phase_window, self._flag = window, phase_window, flag
        self._total = total
        self._rows: list[tuple[float, ...]] = []
        self._flags: list[tuple[str, ...]] = []
        # Place of the last step whose gradient was cut down.
        self._clipped = -math.inf
        self._names: tuple[str, ...] = ()
        self._groups: list[tuple[tuple[float, float], ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def clips(self) -> bool:
        """Whether gradients were cut down in any step that the phase would be of."""
        return len(self._rows) - self._clipped < self._phase_window

    def add(self, made: Pending, after: float) -> None:
        """Keep a step; after: u·g with the gradient of the next one, NaN where that is not known."""
        read = made.read
        found = contribution_moments(read.whole, read.squares, read.overlap)
        batch = math.nan if read.batch is None else float(read.batch)
        sizes = float(found.signal), float(found.noise), float(found.parts)
        self._rows.append(
            (made.step, made.time, made.rate, *sizes, batch, made.before, after, made.gain, made.decay,
             float(read.clipped), float(made.outside))
        )  # fmt: skip
        if read.clipped:
            self._clipped = len(self._rows)
        rounded = math.isnan(made.before) and math.isfinite(after)
        self._flags.append(
            (*read.flags, *(("clipped",) if read.clipped else ()), *(("step_rounded",) if rounded else ()))
        )
        self._names = tuple(read.groups)
        pairs = np.array(list(read.groups.values()), dtype=np.float64).reshape(-1, 2)
        each = contribution_moments(pairs[:, 0], pairs[:, 1], read.overlap)
        self._groups.append(tuple(zip(each.signal.tolist(), each.noise.tolist(), strict=True)))

    def _steps(self, first: int, end: int) -> ReadSteps:
        """Rows as arrays; of groups those that all of them have."""
        rows = np.array(self._rows[first:end], dtype=np.float64).reshape(-1, len(_FIELDS))
        at = {name: rows[:, k] for k, name in enumerate(_FIELDS)}
        alike = all(len(g) == len(self._names) for g in self._groups[first:end])
        shape = (end - first, len(self._names) if alike else 0, 2)
        groups = np.array([g for g in self._groups[first:end] if alike], dtype=np.float64).reshape(shape)
        own = [name for name in ReadSteps.__dataclass_fields__ if name in at]
        return ReadSteps(
            **{name: at[name] for name in own}, group_signal=groups[..., 0], group_noise=groups[..., 1]
        )

    @property
    def steps(self) -> list[int]:
        """The steps that were read, in order."""
        return [int(row[0]) for row in self._rows]

    def measured(self, asked: Sequence[Asked]) -> list[Measurement]:
        """What was said at readings, each of what came before it."""
        found: list[Measurement] = []
        for first in range(0, len(asked), _TOGETHER):
            some = asked[first : first + _TOGETHER]
            told = self._told([one.count for one in some])
            found += [
                self._measured(t, one.count, one.reasons, one.cost) for t, one in zip(told, some, strict=True)
            ]
        return found

    def _told(self, counts: Sequence[int]) -> list[Told]:
        most = max(self._window, self._phase_window)
        reads = [self._steps(max(0, count - most), count) for count in counts]
        return newest_of_each(reads, self._window, self._phase_window)

    def _measured(self, told: Told, count: int, reasons: Mapping[str, str], cost: float) -> Measurement:
        row = dict(zip(_FIELDS, self._rows[count - 1], strict=True))
        flags = [*self._flags[count - 1], *(("batch_varies",) if told.varies else ())]
        flags += [f"{part}_failed" for part in sorted(reasons)]
        given: dict[str, Any] = {"C_alpha": told.c, "p": probability(told.c)}
        if not math.isnan(row["batch"]):
            one = per_example(told.c, row["batch"])
            given |= {"C_1": one, "critical_batch": critical_batch(one)}
        if told.drift is not None:
            drift = self._flagged(told.drift, row)
            if self._total:
                # By how much M and s are low each, and so the drift high: consecutive batches of an epoch
                # share no example.
                effect = row["batch"] / self._total * told.noise
                drift = replace(drift, details={**drift.details, "reshuffling_effect": effect})
            given |= {"lyapunov_drift": drift, "phase": told.phase, "phase_method": drift.method}
        if told.c_star is not None:
            given["C_star"] = self._flagged(told.c_star, row)
        return Measurement.of(
            int(row["step"]), learning_rate=row["rate"], time=row["time"],
            batch_size=0 if math.isnan(row["batch"]) else int(row["batch"]),
            signal=told.signal, noise=told.noise, flags=tuple(dict.fromkeys(flags)), reasons=dict(reasons),
            groups=dict(zip(self._names, told.groups, strict=False)), cost_seconds=cost, **given,
        )  # fmt: skip

    def _flagged(self, e: Estimate, row: Mapping[str, float]) -> Estimate:
        flags = (self._flag, "decay_not_in_loss" if row["decay"] else "")
        return replace(e, flags=(*e.flags, *(flag for flag in flags if flag)))

    def run(
        self, optimizer: Mapping[str, Any], dim: int, reasons: Mapping[str, str], out: str | Path | None,
        bought: Sequence[Mapping[str, Any]] = (),
    ) -> xr.Dataset:  # fmt: skip
        """All of them as a Run of ``dim`` parameters; optimizer: its attributes.

        Its batch size is that of the newest reading; where others had another, ``step_batch`` tells each.

        Args:
            bought: further values by the schema's names, each with its step and time.

        Raises:
            RunError: nothing was read, or ``out`` can't be written.
        """
        if not self._rows:
            told = "; ".join(f"{part}: {why}" for part, why in reasons.items())
            raise RunError(f"watch: nothing was read yet{': ' * bool(told)}{told}")
        alike = all(len(g) == len(self._names) for g in self._groups)
        probes: list[dict[str, Any]] = []
        for values, groups in zip(self._rows, self._groups, strict=True):
            row = dict(zip(_FIELDS, values, strict=True))
            moments = np.array(groups if alike else [], dtype=np.float64).reshape(-1, 2)
            # As so many draws of the step's own gradient would have it: |ḡ|² = |μ|² + Tr Σ/n.
            probes.append({
                "step": int(row["step"]), "time": row["time"], "noise": row["noise"],
                "signal": row["signal"] + row["noise"] / row["parts"],
                "gradient_samples": row["parts"], "step_size": row["rate"], "step_batch": row["batch"],
                "step_before": row["before"], "step_after": row["after"], "step_gain": row["gain"],
                "step_clipped": row["clipped"], "step_outside": row["outside"],
                **({"group_signal": moments[:, 0] + moments[:, 1] / row["parts"],
                    "group_noise": moments[:, 1]} if len(moments) else {}),
            })  # fmt: skip
        by_step: dict[int, dict[str, Any]] = {int(probe["step"]): probe for probe in probes}
        for given in bought:
            step = int(given["step"])
            by_step[step] = {**given, **by_step.get(step, {})}
        probes = [by_step[step] for step in sorted(by_step)]
        last = dict(zip(_FIELDS, self._rows[-1], strict=True))
        size = {} if math.isnan(last["batch"]) else {
            "batch_size": int(last["batch"]), "probe_batch_size": int(last["batch"])
        }  # fmt: skip
        flags = sorted({flag for flags in self._flags for flag in flags})
        known = {
            "name": "watch", "seed": 0, "learning_rate": last["rate"], "dt": last["rate"], **size,
            "absent": ["loss"], "window": self._window, "phase_window": self._phase_window,
            "step_flags": flags, "step_sampling": self._flag, "progress_method": "steps",
        }  # fmt: skip
        return as_run(
            probes, {**optimizer, **known}, samples=0, directions=np.empty((0, dim)),
            groups=self._names if alike else (), per_step=math.nan, out=out,
        )  # fmt: skip

    def state(self, waiting: Pending | None = None) -> dict[str, Any]:
        """Plain lists for `restore`; a step that waits for the next gradient is as one that got none."""
        if waiting is not None:
            whole = copy.copy(self)
            whole._rows, whole._flags = list(self._rows), list(self._flags)
            whole._groups = list(self._groups)
            whole.add(waiting, math.nan)
            return whole.state()
        return {
            "rows": [list(row) for row in self._rows], "flags": [list(flags) for flags in self._flags],
            "groups": [[list(pair) for pair in groups] for groups in self._groups],
            "names": list(self._names),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._rows = [tuple(row) for row in state["rows"]]
        cut = [k for k, row in enumerate(self._rows, 1) if row[_FIELDS.index("clipped")]]
        self._clipped = cut[-1] if cut else -math.inf
        self._flags = [tuple(flags) for flags in state["flags"]]
        self._groups = [tuple((s, t) for s, t in groups) for groups in state["groups"]]
        self._names = tuple(state["names"])
