"""The verb that watches a run or a sweep that another process writes: watch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdesim.commands.options import INTERRUPTED, OK, JsonOption, RunArgument
from sdesim.commands.outcome import print_outcome
from sdesim.commands.printing import columns, make_console, print_json, spent
from sdesim.commands.sweep import print_sweep
from sdesim.commands.watched import look_at_training, looking, show_training, training_screen
from sdesim.io.text import for_terminal

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_EVERY = 1.0
# What is left of a terminal's line beside the bar and the name.
_NUMBERS = 57
# Trajectories of which C is read: enough for a middle, and cheap every second.
_READ = 8


def watch(
    path: RunArgument,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Watch a run, a sweep or a monitored training of another process."""
    if not (once or as_json):
        _wait(path)
    state = look(path)
    if as_json:
        print_json({name: value for name, value in state.items() if name != "history"})
    elif state["state"] == "finished":
        _print_end(path)
    else:
        console = make_console(folds=True)
        if once or not console.is_terminal:
            console.print(_shown(state))
        else:
            state = _follow(path, state)
            if state["state"] == "finished":
                _print_end(path)
        if state["state"] == "interrupted" and "history" in state:
            console.print("its process has ended; what it read is kept", style="yellow")
        elif state["state"] == "interrupted":
            verb = "sweep … --resume" if state["sweep"] else f"resume {path}"
            console.print(f"its process has ended; sdesim {verb} goes on with it", style="yellow")
    raise typer.Exit(INTERRUPTED if state["state"] == "interrupted" else OK)


def _wait(path: Path) -> None:
    """Wait on a terminal until a monitored training that has begun has read something."""
    from sdesim.runs.watched import READINGS, is_watched

    console = make_console()
    if not console.is_terminal or not is_watched(path) or (path / READINGS).stat().st_size:
        return
    with console.status("waiting for the first reading"):
        while is_watched(path) and not (path / READINGS).stat().st_size:
            time.sleep(_EVERY)


def look(path: Path) -> dict[str, Any]:
    """How far a directory has come.

    Returns:
        Of a monitored training what `look_at_training` gives. Else "state": "running", "interrupted" (its
        process is gone), "unknown" (of elsewhere) or "finished"; "sweep"; the "seconds" that it has run; and
        "arms", for a sweep its points that have begun, each with "state" ("waiting", "running" or "done"),
        "done" and "total" steps, steps a "rate" (a second), "left" (seconds, None where unknown), the median
        "loss" over trajectories at the last point on disk and that of "C" over the first of them at the last
        probe (None before, and without probes).

    Raises:
        RunError: there is no run.
    """
    from sdesim.errors import RunError
    from sdesim.io.progress import MARK, PROGRESS
    from sdesim.runs.watched import is_watched, process_state

    if is_watched(path):
        return look_at_training(path)
    if not any((path / name).exists() for name in (MARK, "scenario.yaml")):
        raise RunError(f"no run at {path}")
    noted = _read(path / PROGRESS)
    labels: dict[str, dict[str, Any]] = noted.get("labels", {})
    sweep = (path / "points").is_dir() or "points" in labels
    if not (path / MARK).exists():
        return {"state": "finished", "sweep": sweep, "seconds": None, "arms": {}}
    if sweep:
        arms = {"points": _progress(labels.get("points", {}), path)}
        for file in sorted((path / "points").glob(f"*/{PROGRESS}")):
            for name, entry in _read(file).get("labels", {}).items():
                arms[f"{file.parent.name} {name}"] = _progress(entry, file.with_name(f"{name}.zarr"))
    else:
        names = dict.fromkeys((*labels, *_arms(path)))
        arms = {name: _progress(labels.get(name, {}), path / f"{name}.zarr") for name in names}
    state, entries = process_state(noted), list(labels.values())
    last = max((e["seen"] for e in entries), default=0.0) if state == "interrupted" else time.time()
    seconds = last - min(e["begun"] for e in entries) if entries else None
    return {"state": state, "sweep": sweep, "seconds": seconds, "arms": arms}


def _read(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}


def _arms(path: Path) -> Sequence[str]:
    """The arms of the scenario that the directory holds, in its order."""
    from sdesim.scenario.yaml import read_yaml

    with suppress(OSError):
        data = read_yaml((path / "scenario.yaml").read_text(encoding="utf-8"), "scenario.yaml").data
        return list(data["arms"])
    return []


def _progress(entry: dict[str, Any], store: Path) -> dict[str, Any]:
    if not entry:
        return {"state": "waiting", "done": 0, "total": None, "rate": None, "left": None, "loss": None,
                "C": None}  # fmt: skip
    done, total = entry["done"], entry["total"]
    passed, made = entry["seen"] - entry["begun"], done - entry["first"]
    rate = made / passed if passed > 0 and made > 0 else None
    return {
        "state": "done" if done >= total else "running",
        "done": done,
        "total": total,
        "rate": rate,
        "left": (total - done) / rate if rate else None,
        "loss": _latest(store, _loss),
        "C": _latest(store, _signal_to_noise),
    }


def _latest(store: Path, read: Callable[[Any], float | None]) -> float | None:
    """What a function reads of a run that is being written; None where it is not there yet, or not finite."""
    if not (store / "zarr.json").exists():
        return None
    from math import isfinite

    from sdesim.errors import RunError
    from sdesim.runs import open_run

    try:
        found = read(open_run(store))
    except (RunError, OSError, KeyError, IndexError):
        # The store is being made.
        return None
    return found if found is not None and isfinite(found) else None


def _loss(run: Any) -> float | None:
    """The median loss over trajectories at the last saved point that is on disk."""
    import numpy as np

    loss = run["loss"]
    kept = np.flatnonzero(np.isfinite(np.asarray(loss[0].values, dtype=float)))
    return float(np.nanmedian(loss[:, int(kept[-1])].values)) if len(kept) else None


def _signal_to_noise(run: Any) -> float | None:
    """The median C over the first trajectories at the last probe of the first one."""
    import numpy as np

    from sdesim.runs import measure

    if "probe" not in run.dims:
        return None
    kept = np.flatnonzero(np.isfinite(np.asarray(run["signal"][0].values, dtype=float)))
    if not len(kept):
        return None
    found = measure(run.isel(probe=[int(kept[-1])], trajectory=slice(_READ)))["C_alpha"].values
    known = found[np.isfinite(found)]
    return float(np.median(known)) if known.size else None


def _follow(path: Path, state: dict[str, Any]) -> dict[str, Any]:
    """Show it anew every second until the run ends."""
    from rich.live import Live

    screen = Live(_shown(state), console=make_console(folds=True), auto_refresh=False, transient=True)
    # Ctrl-C ends the watching, not the run.
    again = looking(path) if "history" in state else partial(look, path)
    with suppress(KeyboardInterrupt), screen as live:
        while state["state"] in ("running", "unknown"):
            time.sleep(_EVERY)
            state = again()
            live.update(_shown(state), refresh=True)
    if state["state"] != "finished":
        make_console(folds=True).print(_shown(state))
    return state


def _shown(state: dict[str, Any]) -> RenderableType:
    return training_screen(state) if "history" in state else _table(state)


def _table(state: dict[str, Any]) -> Table:
    from rich.table import Table
    from rich.text import Text

    arms = state["arms"]
    title = state["state"] if state["seconds"] is None else f"{state['state']}, {spent(state['seconds'])}"
    if arms and all(arm["state"] == "done" for arm in arms.values()):
        title += "; measuring and drawing"
    room = (columns() or 80) - _NUMBERS - max(map(len, arms), default=0)
    size = max(4, min(20, room))
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column("", no_wrap=True, overflow="ellipsis")
    table.add_column("", no_wrap=True, min_width=size)
    read = any(arm["C"] is not None for arm in arms.values())
    last = ("loss", "C") if read else ("loss",)
    for heading in ("", "done" if state["sweep"] else "steps", "a second", "left", *last):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, arm in arms.items():
        done, total = arm["done"], arm["total"]
        full = int(size * done / total) if total else 0
        bar = Text.assemble(("━" * full, "green"), ("━" * (size - full), "dim"))
        going = arm["state"] == "running"
        table.add_row(
            Text(for_terminal(name)),
            bar,
            f"{int(100 * done / total)}%" if total else arm["state"],
            f"{done:,}" if total else "",
            f"{arm['rate']:,.4g}" if going and arm["rate"] else "",
            spent(arm["left"]) if going and arm["left"] is not None else "",
            *("" if arm[name] is None else f"{arm[name]:.4g}" for name in last),
        )
    return table


def _print_end(path: Path) -> None:
    from sdesim.runs.watched import is_watched

    if is_watched(path):
        show_training(path)
        return
    from sdesim.io.files import content_of, read_json

    file = path / "summary.json"
    if not file.exists():
        from sdesim.errors import RunError

        raise RunError(f"{file} is not the summary of a run: there is none")
    summary = read_json(file)
    with content_of(file):
        if "axes" in summary:
            print_sweep(summary, path)
        else:
            print_outcome(summary, path)
