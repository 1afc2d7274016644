"""Counts by outcome: `python -m analysis.hostile [GENERATED] [COMMANDS] [FIRST]`, default 5000, 100, 0."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from sdesim.scenario import shipped_scenarios

from .generate import generated
from .handmade import handmade
from .outcome import Outcome, judged, memory_limit, validated

RESULTS = Path(__file__).parent / "results" / "table.md"
# GiB beside what is held at the start.
_MEMORY = 2.0
_TOLD = 250
_MAIN = "from sdesim.cli import main; main()"


def in_process(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Outcome]]:
    """Each file through the command, in this process, under a limit of memory."""
    with tempfile.TemporaryDirectory() as folder, memory_limit(_MEMORY):
        for name, content in files:
            yield name, validated(Path(folder), content)


def as_commands(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Outcome]]:
    """Each file through a process of its own, as a user gives it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hostile.yaml"
        for name, content in files:
            path.write_bytes(content)
            begin = time.monotonic()
            call = [sys.executable, "-c", _MAIN, "validate", path.name]
            done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
            seconds = time.monotonic() - begin
            told = done.stderr if done.returncode else done.stdout
            left = sorted(p.name for p in Path(folder).iterdir() if p != path)
            # The start of Python and what else the machine does are not the file's: seconds are not judged.
            fault = judged(done.returncode, told, 0.0, left, path.name)
            yield name, Outcome(done.returncode, told, seconds, fault)


def row(name: str, found: Iterable[tuple[str, Outcome]]) -> str:
    """A line of the table; faults are printed as they come."""
    counts: Counter[str] = Counter()
    slowest = 0.0
    for label, outcome in found:
        kind = "fault" if outcome.fault else "valid" if outcome.code == 0 else "refused"
        counts[kind] += 1
        slowest = max(slowest, outcome.seconds)
        if outcome.fault:
            print(f"{name}, {label}: {outcome.fault}", flush=True)
        if counts.total() % _TOLD == 0:
            print(f"{name}: {counts.total():,} tried, {dict(counts)}, {slowest:.2f} s", flush=True)
    cells = [f"{counts[kind]:,}" for kind in ("refused", "valid", "fault")]
    return f"| {name} | {counts.total():,} | {' | '.join(cells)} | {slowest:.2f} s |"


def main(count: int = 5000, commands: int = 100, first: int = 0) -> None:
    """Write the table."""
    texts = [path.read_text(encoding="utf-8") for path in shipped_scenarios().values()]
    numbers = range(first, first + count)
    # What is compiled and imported once is no file's.
    next(in_process([("", b"name: t\n")]))
    made = [(str(k), generated(k, texts)) for k in numbers]
    rows = [
        row("made by hand", in_process(handmade())),
        row("generated", in_process(made)),
        row("generated, each a process", as_commands(made[:commands])),
    ]
    head = "| files | tried | refused (exit 2) | valid (exit 0) | faults | slowest |\n" + "|---" * 6 + "|\n"
    RESULTS.write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
