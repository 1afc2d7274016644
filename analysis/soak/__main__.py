"""``python -m analysis.soak [--minutes 30] [--lanes 2] [--seed 0] [--out DIR]``: work with faults put in."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from analysis.kills import forks
from analysis.kills.cluster import standing
from analysis.kills.killing import whole_of
from analysis.kills.works import WORKS
from sdesim.io.files import atomic_write_json, atomic_write_text

from .report import figure, growth, markdown
from .resident import rounds
from .trials import DONE, Lane

# Seconds between two checkpoints of a simulation, and between two looks at the memory.
_BETWEEN, _LOOK = 0.05, 5.0


def main() -> int:
    """0 where nothing was lost or wrong, no answer was long, and every round gave the same bits."""
    parser = argparse.ArgumentParser(prog="python -m analysis.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--lanes", type=int, default=2, help="trials side by side")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of table, counts and figure; default: none")
    arguments = parser.parse_args()
    forks.load(_BETWEEN)
    with tempfile.TemporaryDirectory() as name, standing() as cluster:
        found = _soaked(Path(name), cluster, arguments.minutes, arguments.lanes, arguments.seed)
    text = markdown(found)
    print(text)
    if arguments.out is not None:
        atomic_write_json(arguments.out / "soak.json", found, indent=1)
        atomic_write_text(arguments.out / "table.md", text)
        figure(found, arguments.out / "soak.png")
    trials = found["trials"]
    bad = any(t["outcome"] != "same bits" or t["long"] for t in trials)
    return int(bad or found["resident"]["differing"] > 0 or any(found["failed"].values()))


def _soaked(room: Path, cluster: tuple[str, int], minutes: float, lanes: int, seed: int) -> dict[str, Any]:
    """All trials, rounds and readings."""
    whole = {work: whole_of(WORKS[work], room / f"whole-{work}", cluster) for work in DONE}
    started = time.monotonic()
    end = started + 60.0 * minutes
    at_work = {}
    for k in range(lanes):
        lane = Lane(room / f"lane-{k}", cluster, whole, f"{seed} {k}")
        at_work[f"lane {k}"] = forks.forked(partial(lane.until, end, started, room / f"lane-{k}.jsonl"))
    steady = room / "whole-simulation" / "out"
    at_work["resident"] = forks.forked(partial(rounds, steady, end, room / "resident.jsonl"))
    watched = {"resident": at_work["resident"], "study": os.getpid(), "cluster": cluster[1]}
    readings = []
    while time.monotonic() < end:
        readings.append({"seconds": time.monotonic() - started, "load": os.getloadavg()[0],
                         **{name: _memory(pid) for name, pid in watched.items()}})  # fmt: skip
        time.sleep(_LOOK)
    failed = {name: forks.end(pid) != 0 for name, pid in at_work.items()}
    told = [json.loads(line) for line in _lines(room / "resident.jsonl")]
    return {
        "minutes": (time.monotonic() - started) / 60.0, "lanes": lanes, "seed": seed,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "undisturbed": {work: w.used for work, w in whole.items()}, "failed": failed,
        "trials": [json.loads(line) for k in range(lanes) for line in _lines(room / f"lane-{k}.jsonl")],
        "resident": {"rounds": len(told), "differing": sum(bool(t["differ"]) for t in told)},
        "growth": {name: growth(readings, name) for name in watched}, "readings": readings,
    }  # fmt: skip


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _memory(pid: int) -> float:
    """MiB that a process and those below it that make calls hold of their own."""
    total = 0.0
    for one in (pid, *forks.children(pid)):
        try:
            held = Path(f"/proc/{one}/statm").read_text().split()
        except OSError:
            continue
        total += (int(held[1]) - int(held[2])) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return total


if __name__ == "__main__":
    sys.exit(main())
