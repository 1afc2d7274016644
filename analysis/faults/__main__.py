"""``python -m analysis.faults [--trials N] [--only NAME,…] [--faults NAME,…] [--out DIR]``."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from analysis.kills import forks
from sdesim.io.files import atomic_write_json, atomic_write_text

from .trying import FAULTS, prepare, trial, whole
from .works import WORKS

# Seconds between two checkpoints of a simulation.
_BETWEEN = 0.05
# Without a moment or a size to be drawn, one trial says all.
_ONCE = ("read-only", "no permission")
_INSIDE = "SDESIM_FAULTS_INSIDE"


def main() -> int:
    """0 where all that went wrong was told in a line, and went on once it was mended."""
    parser = argparse.ArgumentParser(prog="python -m analysis.faults", description=__doc__)
    parser.add_argument("--trials", type=int, default=5, help="of each work with each fault")
    parser.add_argument("--only", default=",".join(WORKS), help=f"some of {', '.join(WORKS)}")
    parser.add_argument("--faults", default=",".join(FAULTS), help=f"some of {', '.join(FAULTS)}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of table and counts; default: none")
    arguments = parser.parse_args()
    if _INSIDE not in os.environ:
        # File systems are mounted in a name space that ends with the study.
        unshared = ("unshare", "--mount", *(() if os.getuid() == 0 else ("--map-root-user",)))
        command = (*unshared, sys.executable, "-m", "analysis.faults", *sys.argv[1:])
        return subprocess.run(command, env={**os.environ, _INSIDE: "1"}, check=False).returncode
    forks.load(_BETWEEN)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        room.chmod(0o755)
        prepare(room)
        for work in arguments.only.split(","):
            known = whole(WORKS[work], room)
            for fault in arguments.faults.split(","):
                rng = random.Random(f"{arguments.seed} {work} {fault}")
                count = 1 if fault in _ONCE else arguments.trials
                found = [trial(WORKS[work], fault, known, room, rng) for _ in range(count)]
                rows.append({"work": work, "fault": fault, "trials": found})
                told = (
                    Counter(t["outcome"] for t in found),
                    Counter(t["then"][:5] for t in found if t["then"]),
                )
                print(work, "|", fault, "|", *map(dict, told), file=sys.stderr, flush=True)
                for bad in filter(_is_bad, found):
                    print(json.dumps(bad, indent=1), file=sys.stderr, flush=True)
            if arguments.out is not None:
                atomic_write_json(arguments.out / "faults.json", {"seed": arguments.seed, "rows": rows})
                atomic_write_text(arguments.out / "table.md", _table(rows) + "\n")
    print(_table(rows))
    bad = [t for r in rows for t in r["trials"] if _is_bad(t)]
    return int(bool(bad))


def _is_bad(t: dict[str, str]) -> bool:
    return t["outcome"] not in ("told", "went through", "not struck") or t["then"] not in ("", "same")


def _table(rows: list[dict[str, object]]) -> str:
    head = (
        "work",
        "fault",
        "trials",
        "went through",
        "told in a line",
        "not so",
        "then the same",
        "then not",
    )
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for r in rows:
        trials = json.loads(json.dumps(r["trials"]))
        count = Counter(t["outcome"] for t in trials)
        fine, told = count["went through"] + count["not struck"], count["told"]
        then = Counter(t["then"] == "same" for t in trials if t["then"])
        cells = (
            r["work"],
            r["fault"],
            len(trials),
            fine,
            told,
            len(trials) - fine - told,
            then[True],
            then[False],
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
