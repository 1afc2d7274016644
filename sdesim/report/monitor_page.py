"""The page of a monitored training: what to change, and why, before the curves."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sdesim.errors import RunError
from sdesim.io.files import to_json
from sdesim.plots.health_panel import drawn_panels
from sdesim.report.headline import Headline
from sdesim.report.page import drawn, picture
from sdesim.report.run_page import PAGE, write_page
from sdesim.report.words import capitalised, number
from sdesim.runs import measure, open_run

# Confidence from which on the decision table is told.
_SURE = 0.95
_PANEL = (
    "What is measured, and which knob a trouble points to: a critical batch far from the batch in use asks"
    " for another batch, a curvature at its critical value for a smaller learning rate, C below C* for a"
    " larger batch or a smaller rate."
)


def write_monitor_report(monitor: Any, folder: str | Path | None = None) -> Path:
    """Write ``report.html`` and ``figures/`` of a training that a `training.watch` or `training.Monitor` has
    watched, or that was recorded with probes.

    The first lines are `training.advice_lines`: what to change, as far as intervals support it, or that
    nothing is resolved yet.

    Args:
        monitor: with measurements, which it and the training are left alone for; a run with probes; or the
            path of a stored one, or of a folder that a monitor writes, during the training too.
        folder: where the page is put; made if it is not there. Default a monitor's own folder, or one beside
            the stored run.

    Returns:
        Path of the page.

    Raises:
        RunError: nothing was measured, no folder, or the page can't be written.

    Example:
        >>> sdesim.report.write_monitor_report(monitor, "watched")
    """
    from sdesim.training.monitor.history import history_of

    place = _place(monitor) if folder is None else Path(folder)
    history, run = history_of(monitor), _run(monitor)
    last = history[-1]
    flags = [flag.replace("_", " ") for flag in last.flags]
    attrs = {} if run is None else run.attrs
    label = f"batch {last.batch_size:,}" if run is None else _label(run)
    summary = {
        "name": "monitored training",
        "description": f"{len(history):,} measurements up to step {last.step:,}.",
        "seed": attrs.get("seed", ""),
        "arms": {
            "training": {
                "kind": "real", "label": label, "trajectories": 1, "steps": int(last.step),
                "status": {"finished": 1}, "end": _end(history),
            }
        },
        "warnings": [f"last measurement: {', '.join(flags)}"] if flags else [],
        "headline": monitor_headline(history).to_dict(),
    }  # fmt: skip
    figure = drawn(partial(drawn_panels, told=False), history)
    first = [picture(place, "health", "Health", _PANEL, figure)]
    runs, measured, made = {}, {}, ""
    if run is not None:
        found = measure(run)
        made = to_json({name: attrs[name] for name in ("versions", "host", "git_commit") if name in attrs})
        # Readings of single steps have no interval, and curves of them show nothing but their noise.
        if "C_alpha_low" in found and np.isfinite(found["C_alpha_low"]).any():
            runs, measured = {"training": run}, {"training": found}
    write_page(place, runs, measured, summary, provenance=made, first=first)
    return place / PAGE


def monitor_headline(history: Any) -> Headline:
    """What measurements say to change, what else is known, and the rate that the last one suggests.

    Args:
        history: as of `training.findings`.
    """
    from sdesim.training.monitor.history import history_of
    from sdesim.training.tools.advice import advise
    from sdesim.training.tools.changes import advice_lines, findings

    measured = history_of(history)
    known = findings(measured)
    first, second = advice_lines(known)
    said = f"{first} {second}"
    more = [text for f in known for text in (f.text, f.why) if text and text not in said]
    found, last = advise(measured[-1]), measured[-1]
    if found.confidence >= _SURE:
        more.append(f"decision table at step {last.step:,}: {found.action} ({found.why})")
    if found.learning_rate is not None and found.confidence >= _SURE:
        best, now = number(found.learning_rate, 3), number(last.learning_rate, 3)
        more.append(f"steepest descent at a learning rate of {best} (now {now})")
    told = [f"{capitalised(text)}." for text in (second, *more) if text]
    return Headline("monitor", f"{capitalised(first)}.", tuple(told))


def _place(source: Any) -> Path:
    """Where the page of a stored training stands."""
    if not isinstance(source, str | os.PathLike):
        raise RunError("write_monitor_report: folder: found none, needed where nothing is stored")
    path = Path(source)
    return path.with_name(f"{path.stem}-report") if (path / "zarr.json").exists() else path


def _run(source: Any) -> xr.Dataset | None:
    """The run of a source, None where there is none."""
    from sdesim.runs.watched import is_watched, read_watched

    try:
        if isinstance(source, xr.Dataset):
            return source
        if isinstance(source, str | os.PathLike):
            path = Path(source)
            # While the training goes on, the run is that of an earlier one.
            if is_watched(path) and (read_watched(path).state != "finished" or not any(path.glob("*.zarr"))):
                return None
            return open_run(path)
        found: xr.Dataset | None = source.run() if hasattr(source, "run") else None
        return found
    except RunError:
        return None


def _end(history: Sequence[Any]) -> dict[str, Any]:
    """Of each quantity the newest value."""
    newest = {name: e for m in history for name, e in m.estimates.items()}
    return {
        name: {"value": e.value, "low": e.low, "high": e.high, "flags": list(e.flags)}
        for name, e in newest.items()
    }


def _label(run: Any) -> str:
    size = int(run.attrs.get("batch_size") or 0)
    return f"{run.attrs.get('optimizer', 'an optimizer')}, {f'batch {size}' if size else 'full batch'}"
