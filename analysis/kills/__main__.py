"""``python -m analysis.kills [--kills N] [--only NAME,…] [--signals NAME,…] [--minutes M] [--out DIR]``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from contextlib import nullcontext
from math import ceil, inf
from pathlib import Path
from typing import Any

from sdesim.io.files import atomic_write_json, atomic_write_text, read_json

from .cluster import standing
from .killing import Killing, load, whole_of
from .works import WORKS

# Kills by one signal before the next has its turn.
_AT_ONCE = 4
_COLUMNS = {
    "work": "work", "signal": "signal", "kills": "kills", "of workers": "workers",
    "with something to go on from": "resumed", "chunks torn": "torn", "of these refused": "refused",
    "clocks set back": "back", "folders": "folders", "same bits": "same",
}  # fmt: skip


def main() -> int:
    """0 where nothing was lost, no bit differs and no process was left."""
    parser = argparse.ArgumentParser(prog="python -m analysis.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of each work by each signal")
    parser.add_argument("--only", default=",".join(WORKS), help=f"some of {', '.join(WORKS)}")
    parser.add_argument("--signals", default="SIGKILL,SIGTERM,SIGINT")
    parser.add_argument("--minutes", type=float, default=inf, help="after which no more are begun")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of table and counts; default: none")
    arguments = parser.parse_args()
    load()
    end = time.monotonic() + 60.0 * arguments.minutes
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as room:
        for name in arguments.only.split(","):
            work = WORKS[name]
            with standing() if work.spread else nullcontext() as cluster:
                whole = whole_of(work, Path(room) / "whole", cluster)
                given = arguments.seed, Path(room), cluster, whole
                signals = arguments.signals.split(",")
                killings = [Killing(name, work, signal.Signals[how], *given) for how in signals]
                found: list[dict[str, Any]] = []
                # In turn, so that of each there are as many where time ends.
                for kills in _rising(ceil(arguments.kills * work.share)):
                    if found and time.monotonic() > end:
                        break
                    found = [{"seed": arguments.seed, **killing.until(kills)} for killing in killings]
                    if arguments.out is not None:
                        _keep([*rows, *found], arguments.out)
                rows += found
    print(_table(rows))
    return int(any(r["lost"] or r["left"] or r["same"] < r["folders"] for r in rows))


def _rising(last: int) -> list[int]:
    return [*range(_AT_ONCE, last, _AT_ONCE), last]


def _keep(rows: list[dict[str, Any]], folder: Path) -> None:
    """Write these rows, and those that are there of works and signals that were not tried now."""
    file, now = folder / "kills.json", {(r["work"], r["signal"]) for r in rows}
    held = read_json(file)["rows"] if file.exists() else []
    whole = [*rows, *(r for r in held if (r["work"], r["signal"]) not in now)]
    whole.sort(key=lambda r: list(WORKS).index(r["work"]))
    atomic_write_json(file, {"rows": whole})
    atomic_write_text(folder / "table.md", _table(whole) + "\n")


def _table(rows: list[dict[str, Any]]) -> str:
    head = (*_COLUMNS, "lost", "processes left")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for r in rows:
        row = (*(r[k] for k in _COLUMNS.values()), len(r["lost"]), r["left"])
        lines.append(f"| {' | '.join(map(str, row))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
