"""Measurements as a table in the terminal, drawn anew as they come."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Gt

from sdesim.io.text import for_terminal
from sdesim.kinds import kind
from sdesim.sinks.base import Base, Row

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

# Measurements that are kept for the trends and for advice.
_KEPT = 512
# Seconds between two lines where there is no terminal.
_LINES = 10.0
_BARS, _TREND = "▁▂▃▄▅▆▇█", 20
# Characters of a terminal without trends, and the least of a name.
_NARROW, _NAME = 72, 12


@kind("sinks", "terminal")
@dataclass(frozen=True)
class Terminal(Base):
    """A live table in the terminal with what to change above it; without a terminal a line now and then.

    Not beside progress bars, which it holds back: `sdesim watch` shows the same of a `folder` elsewhere.

    Args:
        every: least seconds between two looks.
    """

    every: Annotated[float, Gt(0)] = 0.5

    def open(self) -> TerminalSink:
        """Begin with the first measurement."""
        return TerminalSink(self.every)


class TerminalSink:
    """What `Terminal` opens.

    Args:
        every: as there. console: of rich; default standard output.
    """

    def __init__(self, every: float = 0.5, console: Any = None) -> None:
        self._every, self._console = every, console
        self._rows: deque[Any] = deque(maxlen=_KEPT)
        self._live: Any = None
        self._drawn, self._fresh = -math.inf, False

    def write(self, measurement: Row) -> None:
        """Show it, where the last look is old enough."""
        self._rows.append(measurement)
        self._fresh = True
        if self._console is None:
            from rich.console import Console

            self._console = Console(highlight=False, emoji=False)
        every = self._every if self._console.is_terminal else max(_LINES, self._every)
        if time.monotonic() - self._drawn >= every:
            self._draw()

    def _draw(self) -> None:
        self._drawn, self._fresh = time.monotonic(), False
        last, rows = self._rows[-1], [m.row() for m in self._rows]
        head = f"step {last.step:,}"
        if not self._console.is_terminal:
            told = [f"{for_terminal(name)} {now}" for name, now, _ in readings(rows)]
            self._console.print(f"{head}: {'; '.join(told)}", soft_wrap=True, markup=False)
            return
        shown = screen(rows, head, _advice(self._rows), self._console.width)
        if self._live is None:
            from rich.live import Live

            self._live = Live(shown, console=self._console, auto_refresh=False)
            self._live.start()
        self._live.update(shown, refresh=True)

    def close(self) -> None:
        """Leave the last table where it is; a further write begins another."""
        if self._fresh:
            self._draw()
        if self._live is not None:
            self._live.stop()
            self._live = None


def _advice(rows: Sequence[Any]) -> Sequence[str]:
    """What measurements that can advise say to change."""
    advised = getattr(rows[-1], "advice", None)
    found: Sequence[str] = () if advised is None else advised(list(rows)[:-1])
    return found


def screen(rows: Sequence[Mapping[str, Any]], head: str, lines: Sequence[str], width: int) -> RenderableType:
    """What is shown of a training: a heading, what to change, and the readings.

    Args:
        rows: of measurements, oldest first. width: characters of a line.
    """
    from rich.console import Group
    from rich.text import Text

    top = [Text(head, "bold")]
    top += [
        Text(for_terminal(text[:1].upper() + text[1:]), "green" if k == 0 else "")
        for k, text in enumerate(lines)
        if text
    ]
    flags = str(rows[-1].get("flags") or "").replace("_", " ").replace(";", ", ")
    end = [Text(for_terminal(f"Flagged: {flags}"), "yellow")] if flags else []
    return Group(*top, Text(""), _table(readings(rows), width), *end)


def readings(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Name, newest value with its interval, and trend of everything that was measured."""
    from sdesim.runs.quantities import lookup, meanings

    found = []
    names = dict.fromkeys(name for row in rows for name in row)
    for name in names:
        entry = lookup(name)
        own = name in _OWN
        if (entry is None or entry.name != name or "." in name) and not own and not name.startswith(_LAYER):
            continue
        there = [row for row in rows if row.get(name) is not None and _is_known(row, name)]
        if not there:
            continue
        if name.startswith(_LAYER):
            layer = name.removeprefix(_LAYER)
            label = f"C of layer {layer}" if layer.isdigit() else f"C of {layer}"
        else:
            label = _OWN[name] if own or entry is None else entry.plain
        found.append((label, _told(there[-1], name), trend([row[name] for row in there])))
    phase = rows[-1].get("phase")
    if phase and phase != "undefined":
        found.append(("phase", meanings("phase").get(phase, str(phase)), ""))
    return found


_LAYER = "C_group."
_OWN = {
    "learning_rate": "learning rate", "batch_size": "batch size", "loss": "training loss",
    "validation_loss": "validation loss", "signal": "signal |μ|²", "noise": "noise Tr Σ",
}  # fmt: skip


def _is_known(row: Mapping[str, Any], name: str) -> bool:
    return _is_number(row[name]) or _is_number(row.get(f"{name}_low"))


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not math.isnan(x)


def _told(row: Mapping[str, Any], name: str) -> str:
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    if not _is_number(row.get(name)):
        # Of what has no value its interval may still have an end.
        return f"above {_number(low)}"
    known = low is not None and high is not None and not math.isnan(low)
    return _number(row[name]) + (f" [{_number(low)}, {_number(high)}]" if known else "")


def _number(x: Any) -> str:
    x = float(x)
    if math.isinf(x):
        return "∞" if x > 0 else "−∞"
    text = f"{x:,.0f}" if 1000 <= abs(x) < 1e6 else f"{x:.3g}"
    return text.replace("-", "−")


def trend(values: Sequence[float]) -> str:
    """The last values as bars, from the smallest to the largest of them; of large ranges on a log scale."""
    kept = [x for x in values[-_TREND:] if math.isfinite(x)]
    if len(kept) < 3 or min(kept) == max(kept):
        return ""
    if min(kept) > 0 and max(kept) > 20 * min(kept):
        kept = [math.log(x) for x in kept]
    low, span = min(kept), max(kept) - min(kept)
    return "".join(_BARS[round(7 * (x - low) / span)] for x in kept)


def _table(found: Sequence[tuple[str, str, str]], width: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    shown = width >= _NARROW
    now = max((len(row[1]) for row in found), default=0)
    left = max(_NAME, width - now - (_TREND + 4 if shown else 2))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("", max_width=left)
    table.add_column("", no_wrap=True, min_width=min(now, width - _NAME - 2))
    if shown:
        table.add_column("", no_wrap=True, style="cyan")
    for name, value, bars in found:
        table.add_row(Text(for_terminal(name)), Text(value), *([Text(bars)] if shown else []))
    return table
