"""``python -m analysis.kills [--kills N] [--only NAME,…] [--signals NAME,…] [--out DIR]``: kill and go on."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from sdesim.io.files import atomic_write_json, atomic_write_text, read_json

from .cluster import standing
from .killing import Killing, load
from .works import WORKS

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
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of table and counts; default: none")
    arguments = parser.parse_args()
    load()
    rows = []
    with tempfile.TemporaryDirectory() as room:
        for name in arguments.only.split(","):
            with standing() if WORKS[name].spread else nullcontext() as cluster:
                for how in arguments.signals.split(","):
                    given = signal.Signals[how], arguments.seed, Path(room), cluster
                    rows.append(
                        {"seed": arguments.seed} | Killing(name, WORKS[name], *given).until(arguments.kills)
                    )
                    print(rows[-1], file=sys.stderr, flush=True)
                    if arguments.out is not None:
                        _keep(rows, arguments.out)
    print(_table(rows))
    return int(any(r["lost"] or r["left"] or r["same"] < r["folders"] for r in rows))


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
