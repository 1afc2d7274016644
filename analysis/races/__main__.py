"""``python -m analysis.races [--races N] [--only NAME,…] [--seed S] [--minutes M] [--out DIR]``."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from math import inf
from pathlib import Path

from analysis.kills.killing import load
from analysis.kills.works import WORKS
from sdesim.io.files import atomic_write_text

from .racing import SECONDS, Found, race, whole_of

_WORKS = "simulation,training,sweep"


def main() -> int:
    """0 where each race ended in good order."""
    parser = argparse.ArgumentParser(prog="python -m analysis.races", description=__doc__)
    parser.add_argument("--races", type=int, default=10, help="of each work with each second command")
    parser.add_argument("--only", default=_WORKS, help=f"some of {_WORKS}")
    parser.add_argument("--seconds", default=",".join(SECONDS), help="second commands")
    parser.add_argument("--minutes", type=float, default=inf, help="after which no more are begun")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of the table; default: none")
    arguments = parser.parse_args()
    load()
    end = time.monotonic() + 60.0 * arguments.minutes
    found: dict[tuple[str, str], Found] = {}
    with tempfile.TemporaryDirectory() as room:
        wholes = {name: whole_of(WORKS[name], Path(room) / "whole") for name in arguments.only.split(",")}
        for number in range(arguments.races):
            for name, whole in wholes.items():
                for second in arguments.seconds.split(","):
                    if time.monotonic() > end or (name == "sweep" and second in ("overwrite", "rerun")):
                        continue
                    row = found.setdefault((name, second), Found())
                    rng = random.Random(f"{arguments.seed} {number} {name} {second}")
                    told = len(row.faults)
                    race(name, second, whole, Path(room), rng, row)
                    for fault in row.faults[told:]:
                        print(fault, flush=True)
    table = _table(found)
    if arguments.out is not None:
        atomic_write_text(arguments.out / "table.md", table + "\n")
    print(table)
    return int(any(row.faults for row in found.values()))


def _table(found: dict[tuple[str, str], Found]) -> str:
    lines = ["| work | second command | races | outcomes: first, second | faults |", "|---" * 5 + "|"]
    for (name, second), row in found.items():
        told = "; ".join(f"{k}: {v}" for k, v in row.counts.most_common() if not k.startswith("both"))
        races = sum(v for k, v in row.counts.items() if not k.startswith("both"))
        lines.append(f"| {name} | {second} | {races} | {told} | {len(row.faults)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
