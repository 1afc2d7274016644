"""``python -m analysis.open [--quick] [--only NAME,…] [--out DIR]``: answer the open questions anew."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from pathlib import Path

from sdesim.io.files import atomic_write_json, atomic_write_text

HERE = Path(__file__).resolve().parent
QUESTIONS = ("continual", "federated", "objectives", "scaling", "context")


def main() -> int:
    """0 whatever the answers are."""
    parser = argparse.ArgumentParser(prog="python -m analysis.open", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two seeds and short trainings, for a look")
    parser.add_argument("--only", default=",".join(QUESTIONS), help=f"some of {', '.join(QUESTIONS)}")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder (default: results/ here)")
    arguments = parser.parse_args()
    chosen = [name.strip() for name in arguments.only.split(",")]
    unknown = [name for name in chosen if name not in QUESTIONS]
    if unknown:
        parser.error(f"--only: no question {unknown[0]!r}; there are {', '.join(QUESTIONS)}")
    for name in chosen:
        _answer(name, arguments.quick, arguments.out)
    return 0


def _answer(name: str, quick: bool, out: Path) -> None:
    question = importlib.import_module(f"analysis.open.{name}")
    started = time.process_time()
    found = question.run(2 if quick else question.SEEDS, quick)
    seconds = time.process_time() - started
    command = f"python -m analysis.open --only {name}" + (" --quick" if quick else "")
    table = f"`{command}`\n\n{question.table(found)}\n"
    atomic_write_json(out / f"{name}.json", {"command": command, "found": found}, digits=6, indent=None)
    atomic_write_text(out / f"{name}.md", table)
    question.figure(found, out / f"{name}.png")
    print(table)
    print(f"{name}: {seconds:.0f} s of CPU", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
