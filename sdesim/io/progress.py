"""How far runs have come, shown on a terminal or told to a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[int, int], None]
LabelledReport = Callable[[str, int, int], None]


@contextmanager
def labelled_progress(
    progress: bool | LabelledReport, transient: bool = False, unit: str = "steps"
) -> Iterator[LabelledReport]:
    """Yield a function (label, done, total) of units: the caller's own, bars on a terminal, or silence.

    Each label has its bar, with units per second and time left; `transient` ones vanish at the end.
    """
    if callable(progress):
        yield progress
        return
    if not progress or not sys.stderr.isatty():
        yield lambda label, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,} " + unit + " {task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=transient) as bar:
        tasks: dict[str, int] = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = int(bar.add_task(label, total=total, rate=""))
            task = next(t for t in bar.tasks if t.id == tasks[label])
            bar.update(
                task.id, completed=done, total=total, rate=f"{task.speed:,.0f}/s" if task.speed else ""
            )

        yield report


@contextmanager
def progress_report(progress: bool | Report, label: str) -> Iterator[Report]:
    """As `labelled_progress` for a single label: yields a function (done, total)."""
    if callable(progress):
        yield progress
        return
    with labelled_progress(progress, transient=True) as report:
        yield lambda done, total: report(label, done, total)
