"""What a figure or table needs to know of one arm, with its fixed colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from sdesim.comparison.align import Array, series
from sdesim.comparison.quantity import Curve, curve
from sdesim.errors import RunError
from sdesim.runs.quantities import support_of

# Simulated arms are blues told apart by shade and dash, real arms are oranges: safe for colour-blind eyes.
SIMULATED = (("#0072B2", "-"), ("#56B4E9", "--"), ("#1B3A6B", "-."), ("#3E8FB0", ":"), ("#8AA9D6", "-"))
REAL = (("#D55E00", "-"), ("#8C3B00", "--"), ("#F2A25C", "-."), ("#B87A2B", ":"), ("#F7C59F", "-"))


@dataclass(frozen=True)
class ArmView:
    """One arm: its run, its measurements (None without probes), its label, colour and line style."""

    name: str
    kind: str
    run: Any
    measured: Any | None
    colour: str
    line: str

    def curve(self, quantity: str, level: float = 0.95) -> tuple[Array, Curve] | None:
        """Times (T,) and mean curve with interval over trajectories with finite values; None if absent."""
        found = series(self.run, self.measured, quantity)
        if found is None:
            return None
        rows = np.isfinite(found.values).mean(axis=1) >= 0.5
        if not rows.any():
            rows = np.isfinite(found.values).any(axis=1)
        columns = np.isfinite(found.values[rows]).all(axis=0) & np.isfinite(found.time[rows]).all(axis=0)
        if not rows.any() or not columns.any():
            return None
        values, low, high = (x[rows][:, columns] for x in (found.values, found.low, found.high))
        return found.time[rows][:, columns].mean(axis=0), curve(
            values, (low, high), level, support_of(quantity)
        )

    def attribute(self, name: str) -> float:
        """A numeric attribute of the run; NaN if it has none."""
        try:
            return float(self.run.attrs.get(name, "nan"))
        except (TypeError, ValueError):
            return float("nan")


Data = Any  # A Run, several by name or in a row, or views of them.


def views_of(data: Data, measured: Any = None) -> list[ArmView]:
    """Views of what a figure is made of.

    Args:
        data: a Run, a mapping of Runs by name, a sequence of Runs, or views, which are taken as they are.
        measured: what `measure` gave of them, in the same form; made here where it is missing.

    Raises:
        RunError: two runs of one name.
    """
    if isinstance(data, Sequence) and all(isinstance(v, ArmView) for v in data):
        return list(data)
    runs = _by_name(data)
    known: Mapping[str, Any] = {}
    if isinstance(measured, xr.Dataset):
        known = dict.fromkeys(runs, measured)
    elif isinstance(measured, Mapping):
        known = measured
    elif measured is not None:
        known = dict(zip(runs, measured, strict=True))
    return arm_views(runs, {n: known[n] if n in known else _measured(run) for n, run in runs.items()})


def _by_name(data: Data) -> dict[str, Any]:
    if isinstance(data, xr.Dataset):
        data = [data]
    if isinstance(data, Mapping):
        return dict(data)
    runs = {str(run.attrs.get("name") or f"run {k}"): run for k, run in enumerate(data)}
    if len(runs) < len(data):
        raise RunError("two runs have one name; give them by name: {'first': run, 'second': other}")
    return runs


def _measured(run: Any) -> Any | None:
    if "probe" not in run.dims:
        return None
    from sdesim.runs import measure

    return measure(run)


def arm_views(runs: Mapping[str, Any], measured: Mapping[str, Any | None]) -> list[ArmView]:
    """Views in the order given, real arms first, colours by kind and position."""
    palettes = {"real": list(REAL), "simulated": list(SIMULATED)}
    used = {"real": 0, "simulated": 0}
    views = []
    for name, run in sorted(runs.items(), key=lambda item: item[1].attrs.get("kind") != "real"):
        kind = "real" if run.attrs.get("kind") == "real" else "simulated"
        palette = palettes[kind]
        colour, line = palette[used[kind] % len(palette)]
        used[kind] += 1
        views.append(ArmView(name, kind, run, measured.get(name), colour, line))
    return views
