"""Counts by outcome: `python -m analysis.hostile [GENERATED] [COMMANDS] [FOLDERS] [FIRST]`, by default 5000,
100, 400, 0."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from sdesim.scenario import shipped_scenarios

from .folders import damaged
from .generate import generated
from .handmade import handmade
from .huge import huge
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
            before = _spent()
            call = [sys.executable, "-c", _MAIN, "validate", path.name]
            done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
            seconds = _spent() - before
            told = done.stderr if done.returncode else done.stdout
            left = sorted(p.name for p in Path(folder).iterdir() if p != path)
            fault = judged(done.returncode, told, seconds, left, path.name)
            yield name, Outcome(done.returncode, told, seconds, fault)


def _spent() -> float:
    """Seconds of the processor that children have taken, whatever else the machine does."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_folders(count: int, first: int) -> list[str]:
    """A line of the table for each verb that read damaged folders; faults are printed as they come."""
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for label, verb, kind, text in damaged(count, first, Path(folder)):
            counts.setdefault(verb, Counter())[kind] += 1
            if kind == "fault":
                print(f"{label}: {verb}: {text}", flush=True)
    kinds = ("told", "differs", "unharmed", "fault")
    rows = [
        f"| {verb} | {c.total():,} | " + " | ".join(f"{c[k]:,}" for k in kinds) for verb, c in counts.items()
    ]
    return [f"{line} |" for line in sorted(rows)]


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


def main(count: int = 5000, commands: int = 100, folders: int = 400, first: int = 0) -> None:
    """Write the table."""
    texts = [path.read_text(encoding="utf-8") for path in shipped_scenarios().values()]
    numbers = range(first, first + count)
    # What is compiled and imported once is no file's.
    next(in_process([("", b"name: t\n")]))
    made = [(str(k), generated(k, texts)) for k in numbers]
    rows = [
        row("made by hand", in_process(handmade())),
        row("generated", in_process(made)),
        row("sizes beyond any machine", in_process(huge())),
        row("generated, each a process", as_commands(made[:commands])),
    ]
    head = "| files | tried | refused (exit 2) | valid (exit 0) | faults | slowest |\n" + "|---" * 6 + "|\n"
    read = f"| {folders:,} damaged folders, read by | times | told in a line | numbers told to differ | "
    read += "as if undamaged | faults |\n" + "|---" * 6 + "|\n"
    tables = head + "\n".join(rows) + "\n\n" + read + "\n".join(of_folders(folders, first)) + "\n"
    RESULTS.write_text(tables, encoding="utf-8")
    print(RESULTS.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
