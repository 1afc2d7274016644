"""What a figure or table needs to know of one arm, with its fixed colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sdesim.comparison.align import Array, series
from sdesim.comparison.quantity import Curve, curve
from sdesim.errors import RunError
from sdesim.plots.look import REAL, SIMULATED
from sdesim.runs.attributes import rows
from sdesim.runs.quantities import support_of


@dataclass(frozen=True)
class Seeds:
    """A quantity of the trajectories of an arm that hold it: all (n, T), NaN where it is not known; low and
    high are the ends of each value's own interval."""

    time: Array
    values: Array
    low: Array
    high: Array

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Places (T,) at which all trajectories are known."""
        return np.asarray((np.isfinite(self.values) & np.isfinite(self.time)).all(axis=0))


@dataclass(frozen=True, repr=False)
class ArmView:
    """One arm: its run, its measurements (None without probes), its label, colour and line style."""

    name: str
    kind: str
    run: Any
    measured: Any | None
    colour: str
    line: str

    def __repr__(self) -> str:
        return f"<ArmView {self.name!r}, {self.kind}, {self.colour}>"

    def seeds(self, quantity: str) -> Seeds | None:
        """Every trajectory of which at least half of the values are finite (any, where none has half); None
        if the quantity is absent."""
        found = series(self.run, self.measured, quantity)
        if found is None:
            return None
        finite = np.isfinite(found.values)
        rows = finite.mean(axis=1) >= 0.5
        rows = rows if rows.any() else finite.any(axis=1)
        if not rows.any():
            return None
        return Seeds(*(x[rows] for x in (found.time, found.values, found.low, found.high)))

    def curve(self, quantity: str, level: float = 0.95) -> tuple[Array, Curve] | None:
        """Times (T,) and mean curve with interval, where all trajectories are finite; None if nowhere.

        Of a variable without a mean the median, as the run's `infinite_means` says; of an observable under
        noise without a variance too, since it may have none.
        """
        seeds = self.seeds(quantity)
        if seeds is None:
            return None
        columns = seeds.whole
        if not columns.any():
            return None
        time, values, low, high = (x[:, columns] for x in (seeds.time, seeds.values, seeds.low, seeds.high))
        endless = _endless(self.run, quantity)
        return time.mean(axis=0), curve(values, (low, high), level, support_of(quantity), endless)

    def attribute(self, name: str) -> float:
        """A numeric attribute of the run; NaN if it has none."""
        try:
            return float(self.run.attrs.get(name, "nan"))
        except (TypeError, ValueError):
            return float("nan")


def _endless(run: Any, quantity: str) -> bool:
    """Whether a variable has no mean, or none that is known, as heavy-tailed noise leaves it."""
    base, known = quantity.partition(".")[0], rows(run.attrs, "infinite_means")
    if base in rows(run.attrs, "observables"):
        return "levy_index" in run.attrs and not run.attrs.get("confined")
    return quantity in known or (base in ("theta", "theta_projection") and "weight_norm" in known)


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
