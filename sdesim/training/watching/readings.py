"""The readings of a watched training, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.estimate import Estimate
from sdesim.estimators import per_example, probability
from sdesim.estimators.consolidation.contributions import contribution_moments
from sdesim.estimators.consolidation.window_ratio import fieller
from sdesim.estimators.dynamics.successive import successive_gradients
from sdesim.training.monitor.as_run import as_run
from sdesim.training.monitor.measurement import Measurement
from sdesim.training.watching.step_reader import StepRead

# Steps over which pairs of steps are averaged before an interval is taken.
_BLOCK = 25
_FIELDS = ("step", "time", "rate", "signal", "noise", "parts", "batch", "successive")


class Readings:
    """Rows of numbers, one for each step that was read.

    Args:
        window: readings that C is of. phase_window: pairs of steps that drift, C* and phase are of.
        flag: of what successive gradients tell, "" for none.
    """

    def __init__(self, window: int, phase_window: int, flag: str) -> None:
        self._window, self._phase_window, self._flag = window, phase_window, flag
        self._rows: list[tuple[float, ...]] = []
        self._flags: list[tuple[str, ...]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, step: int, time: float, rate: float, read: StepRead, successive: float) -> None:
        """Keep a step; successive: g·g′ with the gradient of the next one, NaN where that is not known."""
        found = contribution_moments(read.whole, read.squares, read.overlap)
        batch = math.nan if read.batch is None else float(read.batch)
        sizes = float(found.signal), float(found.noise), float(found.parts)
        self._rows.append((step, time, rate, *sizes, batch, successive))
        self._flags.append((*read.flags, *(("clipped",) if read.clipped else ())))

    def measurement(self, count: int, reasons: Mapping[str, str], cost: float) -> Measurement:
        """What the first ``count`` readings say at the last of them."""
        rows = np.array(self._rows[max(0, count - max(self._window, self._phase_window)) : count])
        at = {name: rows[:, k] for k, name in enumerate(_FIELDS)}
        step, time, rate = int(at["step"][-1]), float(at["time"][-1]), float(at["rate"][-1])
        batch, flags = float(at["batch"][-1]), list(self._flags[count - 1])
        alike = (at["batch"] == batch) | (np.isnan(at["batch"]) & np.isnan(batch))
        if not alike[-self._window :].all():
            flags.append("batch_varies")
        recent = np.flatnonzero(alike)[-self._window :]
        c = fieller(at["signal"][recent], at["noise"][recent], 0.95, "contributions")
        given: dict[str, Any] = {"C_alpha": c, "p": probability(c)}
        if not math.isnan(batch):
            given["C_1"] = per_example(c, batch)
        given |= self._successive(at, alike & ~np.isnan(at["successive"]))
        flags += [f"{part}_failed" for part in sorted(reasons)]
        return Measurement.of(
            step, learning_rate=rate, time=time, batch_size=0 if math.isnan(batch) else int(batch),
            signal=float(at["signal"][recent].mean()), noise=float(at["noise"][recent].mean()),
            flags=tuple(dict.fromkeys(flags)), reasons=dict(reasons), cost_seconds=cost, **given,
        )  # fmt: skip

    def _successive(self, at: Mapping[str, Any], paired: Any) -> dict[str, Any]:
        """Drift, C* and phase of plain SGD, from the newest pairs of steps at the present rate and batch."""
        chosen = np.flatnonzero(paired & (at["rate"] == at["rate"][-1]))[-self._phase_window :]
        if len(chosen) < 2:
            return {}
        block = max(1, math.ceil(_BLOCK / float(np.median(np.diff(at["step"][chosen])))))
        if len(chosen) < block:
            return {}
        signal, noise, product = (at[name][chosen] for name in ("signal", "noise", "successive"))
        found = successive_gradients(signal, noise, product, block)
        return {
            "lyapunov_drift": self._flagged(found.drift), "C_star": self._flagged(found.c_star),
            "phase": found.phase, "phase_method": found.drift.method,
        }  # fmt: skip

    def _flagged(self, e: Estimate) -> Estimate:
        flags = (*e.flags, *((self._flag,) if self._flag else ()))
        return Estimate(e.value, e.low, e.high, e.level, e.method, e.n, flags, e.details)

    def run(
        self, optimizer: Mapping[str, Any], dim: int, reasons: Mapping[str, str], out: str | Path | None,
        bought: Sequence[Mapping[str, Any]] = (),
    ) -> xr.Dataset:  # fmt: skip
        """All of them as a Run of ``dim`` parameters; optimizer: its attributes.

        Args:
            bought: further values by the schema's names, each with its step and time.

        Raises:
            RunError: nothing was read, the batch is not known or varies, or ``out`` can't be written.
        """
        if not self._rows:
            told = "; ".join(f"{part}: {why}" for part, why in reasons.items())
            raise RunError(f"watch: nothing was read yet{': ' * bool(told)}{told}")
        rows = [dict(zip(_FIELDS, row, strict=True)) for row in self._rows]
        batches = {row["batch"] for row in rows}
        if len(batches) > 1 or any(math.isnan(b) for b in batches):
            raise RunError("watch: a run is of one known batch size, and these readings are not")
        # As so many draws of the step's own gradient would have it: |ḡ|² = |μ|² + Tr Σ/n.
        probes = [
            {
                "step": int(row["step"]), "time": row["time"], "noise": row["noise"],
                "signal": row["signal"] + row["noise"] / row["parts"],
                "gradient_samples": row["parts"], "step_size": row["rate"],
            }
            for row in rows
        ]  # fmt: skip
        by_step = {probe["step"]: probe for probe in probes}
        for values in bought:
            by_step[values["step"]] = {**values, **by_step.get(values["step"], {})}
        probes = [by_step[step] for step in sorted(by_step)]
        batch, rate = int(batches.pop()), rows[-1]["rate"]
        known = {
            "name": "watch", "seed": 0, "learning_rate": rate, "dt": rate, "batch_size": batch,
            "probe_batch_size": batch, "absent": ["loss"],
            "progress_method": "steps",
        }  # fmt: skip
        return as_run(
            probes, {**optimizer, **known}, samples=0, directions=np.empty((0, dim)), groups=(),
            per_step=math.nan, out=out,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Plain lists for `restore`."""
        return {"rows": [list(row) for row in self._rows], "flags": [list(flags) for flags in self._flags]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a state."""
        self._rows = [tuple(row) for row in state["rows"]]
        self._flags = [tuple(flags) for flags in state["flags"]]
