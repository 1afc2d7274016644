"""How far a run has come, shown on a terminal or told to a function."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Report = Callable[[int, int], None]


@contextmanager
def progress_report(progress: bool | Report, label: str) -> Iterator[Report]:
    """Yield a function (done, total): the caller's own, a bar if stderr is a terminal, or a silent one."""
    if callable(progress):
        yield progress
    elif progress and sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.text import Text

        class Rate(TextColumn):
            """Steps per second."""

            def render(self, task: Any) -> Text:
                """The rate so far; empty before the first report."""
                return Text(f"{task.speed:,.0f} steps/s" if task.speed else "")

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total}"),
            Rate(""),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
    else:
        yield lambda done, total: None
