"""How far the arms of a scenario have come, shown on a terminal or told to a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Report = Callable[[str, int, int], None]


@contextmanager
def arm_progress(progress: bool | Report) -> Iterator[Report]:
    """Yield a function (arm, done, total): the caller's own, bars if stderr is a terminal, or silence."""
    if callable(progress):
        yield progress
        return
    if not progress or not sys.stderr.isatty():
        yield lambda arm, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,} steps {task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, int] = {}

        def report(arm: str, done: int, total: int) -> None:
            if arm not in tasks:
                tasks[arm] = int(bar.add_task(arm, total=total, rate=""))
            task = next(t for t in bar.tasks if t.id == tasks[arm])
            bar.update(
                task.id, completed=done, total=total, rate=f"{task.speed:,.0f}/s" if task.speed else ""
            )

        yield report
