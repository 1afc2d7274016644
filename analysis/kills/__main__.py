"""``python -m analysis.kills [--kills N] [--only NAME,…] [--signals NAME,…] [--out DIR]``: kill and go on."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from sdesim.io.files import atomic_write_json, atomic_write_text

from .killing import kill_until, load
from .works import WORKS

_HEAD = (
    "work", "signal", "kills", "with something to go on from", "folders", "same bits", "lost",
    "processes left",
)  # fmt: skip


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
            for how in arguments.signals.split(","):
                given = signal.Signals[how], arguments.kills, arguments.seed, Path(room)
                rows.append(kill_until(name, WORKS[name], *given))
                print(rows[-1], file=sys.stderr, flush=True)
    table = _table(rows)
    print(table)
    if arguments.out is not None:
        atomic_write_json(arguments.out / "kills.json", {"seed": arguments.seed, "rows": rows})
        atomic_write_text(arguments.out / "table.md", table + "\n")
    return int(any(r["lost"] or r["left"] or r["same"] < r["folders"] for r in rows))


def _table(rows: list[dict[str, object]]) -> str:
    lines = [f"| {' | '.join(_HEAD)} |", "|---" * len(_HEAD) + "|"]
    keys = ("work", "signal", "kills", "resumed", "folders", "same")
    for r in rows:
        lost = r["lost"]
        assert isinstance(lost, list)
        lines.append("| " + " | ".join(str(x) for x in (*(r[k] for k in keys), len(lost), r["left"])) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
