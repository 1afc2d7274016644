"""A watched training as verbs show it: in progress, and when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdesim.commands.printing import columns, make_console, say, spent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sdesim.runs.watched import WatchedReader
    from sdesim.training.monitor.measurement import Measurement

# Measurements that trends and the pace are of.
_RECENT = 512


def look_at_training(path: Path) -> dict[str, Any]:
    """How far a watched training has come.

    Returns:
        "state": "running", "interrupted" (its process is gone), "unknown" (of elsewhere) or "finished";
        "sweep": False; "seconds" up to its last measurement; "step" of that, "readings": how many there are;
        "rate": steps a second, None where that is not known; "lines": what to change; "last": numbers of the
        newest measurement; "no_run": why a closed monitor left no run.

    Raises:
        RunError: there is none.
    """
    from sdesim.runs.watched import WatchedReader

    return training_state(WatchedReader(path, _RECENT))


def looking(path: Path) -> Callable[[], dict[str, Any]]:
    """What looks at it again and again, each time at what is new."""
    from sdesim.runs.watched import WatchedReader

    return partial(training_state, WatchedReader(path, _RECENT))


def training_state(reader: WatchedReader) -> dict[str, Any]:
    """As `look_at_training`, of what is new since the last look too."""
    from sdesim.training.monitor.measurement import Measurement
    from sdesim.training.tools.changes import advice_lines

    found = reader.read()
    history = [Measurement.from_dict(told) for told in found.readings]
    return {
        "state": found.state,
        "sweep": False,
        "seconds": found.seconds,
        "step": history[-1].step,
        "readings": found.count,
        "rate": found.steps / found.seconds if found.seconds > 0 and found.steps > 0 else None,
        "lines": [text for text in advice_lines(history) if text],
        "last": {name: v for name, v in history[-1].row().items() if v is not None and v != ""},
        "no_run": found.no_run,
        "history": history,
    }


def training_screen(state: dict[str, Any]) -> RenderableType:
    """What is shown of it."""
    from sdesim.sinks.terminal import screen

    history: list[Measurement] = state["history"]
    pace = "" if state["rate"] is None else f", {state['rate']:,.3g} steps a second"
    head = (
        f"{state['state']}, {spent(state['seconds'])}: step {state['step']:,}, "
        f"{state['readings']:,} reading{'s' * (state['readings'] != 1)}{pace}"
    )
    return screen([m.row() for m in history], head, state["lines"], columns() or 80)


def show_training(path: Path) -> None:
    """Print what it came to."""
    state, console = look_at_training(path), make_console(folds=True)
    console.print(training_screen(state))
    if state["no_run"]:
        say(console, str(state["no_run"]), "yellow", "No run for sdesim compare: ")


def show_recorded(run: Any) -> None:
    """Print what a recorded training came to, of its first trajectory, as a watched one."""
    from sdesim.sinks.terminal import screen
    from sdesim.training.monitor.history import history_of
    from sdesim.training.tools.changes import advice_lines

    history = history_of(run)
    seeds = run.sizes["trajectory"]
    of = f", the first of {seeds} trajectories" if seeds > 1 else ""
    head = f"step {history[-1].step:,}, {len(history):,} reading{'s' * (len(history) != 1)}{of}"
    rows, lines = [m.row() for m in history[-_RECENT:]], advice_lines(history)
    make_console(folds=True).print(screen(rows, head, lines, columns() or 80))
