"""How far runs have come, shown on a terminal, told to a function, and kept in a file for other processes."""

from __future__ import annotations

import math
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sdesim.io.files import atomic_write_json
from sdesim.io.places import Place, Remote
from sdesim.io.text import for_html, for_terminal

# Files of a run directory: one that is there until it is whole, and how far it has come.
MARK, PROGRESS = "INCOMPLETE", "progress.json"
Report = Callable[[int, int], None]
LabelledReport = Callable[[str, int, int], None]
# Seconds between two looks of a notebook's bars.
_REDRAW = 0.3
# Seconds between two notes at a URL, where each is a request.
_BEYOND = 20.0


@contextmanager
def labelled_progress(
    progress: bool | LabelledReport, transient: bool = False, unit: str = "steps"
) -> Iterator[LabelledReport]:
    """Yield a function (label, done, total) of units: the caller's own, bars on a terminal or in a notebook,
    or silence.

    Each label has its bar, with units per second and time left; `transient` ones vanish at the end. While
    none of them goes on, a bar without an end says that something does.
    """
    if callable(progress):
        yield progress
        return
    show = _notebook_display() if progress else None
    if show is not None:
        with _in_notebook(show, transient, unit) as told:
            yield told
        return
    if not progress or not sys.stderr.isatty():
        yield lambda label, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[told]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=transient) as bar:
        tasks: dict[str, Any] = {}
        working = bar.add_task("working", total=None, told="")

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bar.add_task(for_terminal(label), total=total, told="")
            task = next(t for t in bar.tasks if t.id == tasks[label])
            bar.update(task.id, completed=done, total=total)
            rate = f" {task.speed:,.0f}/s" if task.speed else ""
            left = f", {task.time_remaining:.0f} s left" if task.time_remaining else ""
            bar.update(task.id, told=f"{done:,}/{total:,} {unit}{rate}{left}")
            bar.update(working, visible=all(t.finished for t in bar.tasks if t.id != working))

        yield report


def _notebook_display() -> Any | None:
    """IPython's ``display`` where a notebook's kernel runs this, which has loaded it by then; else None."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from importlib import import_module

    return import_module("IPython.display").display


class _Shown:
    """What a notebook shows: text where it knows no HTML."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


@contextmanager
def _in_notebook(display: Callable[..., Any], transient: bool, unit: str) -> Iterator[LabelledReport]:
    """Bars of HTML under the cell, drawn anew a few times a second."""
    begun: dict[str, tuple[int, float]] = {}
    latest: dict[str, tuple[int, int]] = {}
    handle: Any = None
    drawn = -math.inf

    def report(label: str, done: int, total: int) -> None:
        nonlocal handle, drawn
        now = time.monotonic()
        begun.setdefault(label, (done, now))
        latest[label] = (done, total)
        if now - drawn < _REDRAW and done < total:
            return
        drawn = now
        lines = [(name, *latest[name], *_pace(latest[name], begun[name], now)) for name in latest]
        shown = _Shown(*_bars(lines, unit))
        if handle is None:
            handle = display(shown, display_id=True)
        else:
            handle.update(shown)

    yield report
    if transient and handle is not None:
        handle.update(_Shown("", ""))


def _pace(now: tuple[int, int], first: tuple[int, float], clock: float) -> tuple[float, float]:
    """Units a second and seconds left; 0 where they are not known yet."""
    made, passed = now[0] - first[0], clock - first[1]
    rate = made / passed if made > 0 and passed > 0 else 0.0
    return rate, (now[1] - now[0]) / rate if rate else 0.0


def _bars(lines: list[tuple[str, int, int, float, float]], unit: str) -> tuple[str, str]:
    """HTML and text of a bar for each label."""
    html, text = [], []
    for label, done, total, rate, left in lines:
        pace = (f" {rate:,.0f}/s" if rate else "") + (f", {left:.0f} s left" if left else "")
        told = f"{done:,}/{total:,} {unit}{pace}"
        html.append(f"<div>{for_html(label)} <progress value='{done}' max='{total}'></progress> {told}</div>")
        text.append(f"{for_terminal(label)}: {told}")
    return "".join(html), "\n".join(text)


@contextmanager
def progress_report(progress: bool | Report, label: str) -> Iterator[Report]:
    """As `labelled_progress` for a single label: yields a function (done, total)."""
    if callable(progress):
        yield progress
        return
    with labelled_progress(progress, transient=True) as report:
        yield lambda done, total: report(label, done, total)


class OneOf:
    """The progress of one of several: a function (done, total) under its label, with others beside it.

    Args:
        report: of all. label: of this one.
    """

    def __init__(self, report: LabelledReport, label: str) -> None:
        self.beside, self._label = report, label

    def __call__(self, done: int, total: int) -> None:
        """Tell of this one."""
        self.beside(self._label, done, total)


@contextmanager
def noted_progress(report: LabelledReport, path: Place, every: float = 1.0) -> Iterator[LabelledReport]:
    """Also keep in a file how far each label has come, written at each beginning and after so many seconds
    (at a URL after 20).

    The file holds "pid", "host" and under "labels" for each "done" and "total", "first" (what was done when
    it began) and the times "begun" and "seen". It is removed at a good end; an interruption leaves it.
    """
    labels: dict[str, dict[str, Any]] = {}
    noted = {"pid": os.getpid(), "host": socket.gethostname(), "labels": labels}
    written = time.monotonic()
    beyond = isinstance(path, Remote)
    every = _BEYOND if beyond else every
    atomic_write_json(path, noted, durable=False)

    def told(label: str, done: int, total: int) -> None:
        nonlocal written
        report(label, done, total)
        now, fresh = time.time(), label not in labels
        entry = labels.setdefault(label, {"first": done, "begun": now})
        entry.update(done=done, total=total, seen=now)
        # A folder that was moved away is not made anew.
        if (fresh or time.monotonic() - written >= every) and (beyond or path.parent.is_dir()):
            written = time.monotonic()
            atomic_write_json(path, noted, durable=False)

    yield told
    path.unlink(missing_ok=True)
