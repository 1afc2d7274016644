"""``run.sdesim``: what can be done with a run, from the run itself.

It is there as soon as sdesim has made, opened or measured a run. Nothing is loaded before it is asked for:
figures load matplotlib when one is drawn.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.io.html import html_table
from sdesim.runs.quantities import lookup
from sdesim.runs.quantity_row import PROBE
from sdesim.runs.registered import measured_array, numbers_of
from sdesim.runs.saved import uneven


class Figures:
    """The figures of `sdesim.plots` that are of a run, each as a function of everything but the run."""

    def __init__(self, run: xr.Dataset) -> None:
        self._run = run

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        # By its name: plots stand above runs and read them.
        plots = import_module("sdesim.plots")
        if name not in plots.OF_RUNS:
            raise AttributeError(f"found figure {name!r}, allowed: {', '.join(plots.OF_RUNS)}")
        return partial(getattr(plots, name), self._run)

    def __dir__(self) -> list[str]:
        return list(import_module("sdesim.plots").OF_RUNS)


class RunAccessor:
    """What ``run.sdesim`` gives.

    Example:
        >>> run.sdesim.plot.curve("C_alpha")
        >>> run.sdesim.quantity("lambda_max").mean("trajectory")
    """

    def __init__(self, run: xr.Dataset) -> None:
        self._run = run

    @property
    def plot(self) -> Figures:
        """``run.sdesim.plot.NAME(…)`` is ``sdesim.plots.NAME(run, …)``."""
        return Figures(self._run)

    def measure(self, level: float = 0.95, smooth: bool = False) -> xr.Dataset:
        """`sdesim.measure` of the run."""
        from sdesim.runs.measures.run import measure

        return measure(self._run, level, smooth)

    def quantity(self, name: str, level: float = 0.95) -> xr.DataArray:
        """A quantity, measured or held: over (trajectory, probe), or as the run holds it.

        Args:
            name: of the table of quantities, its literal form, a part of it ("C_group.0"), or a variable of
                the run.
            level: of its interval.

        Returns:
            Array with ``long_name`` and ``units``; a measured one has its interval in the coordinates ``low``
            and ``high``, and its times in ``probe_time``.

        Raises:
            RunError: the run neither holds nor allows it.
        """
        measured = self.measure(level) if "probe" in self._run.dims else None
        found = measured_array(measured, name)
        if found is not None and measured is not None:
            row = lookup(name)
            part = name.partition(".")[2]
            meaning = name if row is None else f"{row.meaning or name}{part and f', of {part}'}"
            words = {"long_name": meaning, "units": "1" if row is None else row.units}
            coords = {k: v for k, v in measured.coords.items() if set(v.dims) <= set(PROBE)}
            ends = {"low": (PROBE, found[1]), "high": (PROBE, found[2])}
            return xr.DataArray(found[0], {**coords, **ends}, PROBE, name, words)
        for held in (self._run, measured):
            if held is not None and name in held.data_vars:
                return held[name]
        known = [*map(str, self._run.data_vars), *([] if measured is None else numbers_of(measured))]
        raise RunError(f"found quantity {name!r}, allowed: {', '.join(dict.fromkeys(known))}")

    def to_table(self, level: float = 0.95) -> Any:
        """Everything that was measured as a pandas DataFrame, a row for each quantity, trajectory and probe:
        quantity, trajectory, step, time, value, low, high, units; without probes it has no rows."""
        import pandas as pd

        columns = ("quantity", "trajectory", "step", "time", "value", "low", "high", "units")
        if "probe" not in self._run.dims:
            return pd.DataFrame({name: [] for name in columns})
        measured = self.measure(level)
        shape = tuple(measured.sizes[d] for d in PROBE)
        trajectory = np.broadcast_to(measured["trajectory"].values[:, None], shape)
        step, time = (np.broadcast_to(measured[n].values, shape) for n in ("probe_step", "probe_time"))
        parts = []
        for name in numbers_of(measured):
            found, row = measured_array(measured, name), lookup(name)
            assert found is not None
            arrays = (trajectory, step, time, *found)
            data = dict(zip(columns[1:7], (a.ravel() for a in arrays), strict=True))
            parts.append(pd.DataFrame({"quantity": name, **data, "units": row.units if row else "1"}))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({name: [] for name in columns})

    def to_arviz(self, burn_in: float = 0.0) -> xr.DataTree:
        """The ensemble as ArviZ reads samples: an xarray DataTree with the groups ``posterior`` (θ) and
        ``sample_stats`` (the loss and what else the run holds over steps), over (chain, draw).

        A chain is a trajectory, a draw a saved step. Trajectories that are not finite after the burn-in are
        left out; their numbers stand in the attribute ``left_out``, with spaces between.

        Args:
            burn_in: time before which nothing counts.

        Raises:
            RunError: the run holds no path, its saved steps are unevenly apart, so that they are no draws of
                a chain, or nothing is left.
        """
        run = self._run
        name = next((n for n in ("theta", "theta_projection") if n in run), None)
        if name is None:
            raise RunError('the run holds no path: save=("theta", …)')
        if uneven(run):
            raise RunError("to_arviz needs saved steps that are evenly apart, save_at gave others")
        time = np.atleast_2d(run["time"].values).min(axis=0)
        kept = run[[n for n in run.data_vars if {"trajectory", "step"} <= set(run[n].dims)]]
        kept = kept.isel(step=time >= burn_in).transpose("trajectory", "step", ...)
        whole = np.isfinite(kept[name].values).all(axis=tuple(range(1, kept[name].ndim)))
        if not kept.sizes["step"] or not whole.any():
            raise RunError(f"no trajectory is finite from t = {burn_in:g} on")
        left_out = np.flatnonzero(~whole).tolist()
        kept = kept.isel(trajectory=whole).rename(trajectory="chain", step="draw")
        from sdesim import __version__

        attrs = {
            "inference_library": "sdesim",
            "inference_library_version": __version__,
            "name": str(run.attrs.get("name", "")),
            "left_out": " ".join(map(str, left_out)),
        }
        groups = {"posterior": kept[[name]], "sample_stats": kept.drop_vars(name)}
        return xr.DataTree.from_dict(
            {g: data.drop_attrs(deep=False).assign_attrs(attrs) for g, data in groups.items()}
        )

    def _facts(self) -> list[tuple[str, str]]:
        run, attrs = self._run, self._run.attrs
        times = np.asarray(run["time"].values)
        probes = run.sizes.get("probe", 0)
        status = run["status"].values if "status" in run else np.zeros(0)
        facts = [
            ("kind", str(attrs.get("kind", "unknown"))),
            ("trajectories", f"{run.sizes.get('trajectory', 0):,}"),
            ("saved steps", f"{run.sizes.get('step', 0):,}, to t = {np.nanmax(times):.4g}"),
            ("parameters", f"{int(attrs.get('dim', run.sizes.get('param', 0))):,}"),
            ("probes", f"{probes:,}" if probes else "none"),
            ("learning rate", f"{attrs.get('learning_rate', 'unknown')}"),
            ("seed", f"{attrs.get('seed', 'unknown')}"),
        ]
        for code, words in enumerate(("diverged", "stopped by an event", "lost in an unsolved step"), 1):
            if count := int((status == code).sum()):
                facts.append((words, f"{count:,} trajectories"))
        if not attrs.get("complete", True):
            facts.append(("complete", "no"))
        return facts

    def _title(self) -> str:
        return f"run {self._run.attrs.get('name', '')!r}"

    def __repr__(self) -> str:
        return f"<{self._title()}: {'; '.join(f'{k} {v}' for k, v in self._facts())}>"

    def _repr_html_(self) -> str:
        return html_table(("", ""), self._facts(), self._title())


_register: Any = xr.register_dataset_accessor
_register("sdesim")(RunAccessor)
