"""A command that writes a folder, and a second one on the same folder at a random moment."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.kills import forks
from analysis.kills.contents import contents
from analysis.kills.killing import fresh
from analysis.kills.works import WORKS, Work

# Of a work that is not begun yet, that runs, and that has ended: shares of its seconds.
_FROM, _TO = 0.0, 1.3
# Seconds on the clock that the second comes later than that.
_REST = 0.02
_OTHER_SEED = ("--set", "seed=99")
# What a second person may type; the first two words stand for what the work is begun and gone on with.
SECONDS = {
    "the same": ("begin",),
    "another seed": ("begin", *_OTHER_SEED),
    "overwrite": ("begin", *_OTHER_SEED, "--overwrite"),
    "resume": ("resume",),
    "report": ("report", "out"),
    "show": ("show", "out"),
    "rerun": ("rerun", "out", "--out", "again"),
}
# They read alone, so that either may end well.
_READS = ("report", "show", "rerun")


@dataclass
class Found:
    """What came of the races of one work with one second command.

    Attributes:
        counts: of outcomes, as "second refused". faults: what must not be, in words.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Whole:
    """What a work comes to alone: by its own seed, by the other one, and its seconds of the processor."""

    own: dict[str, str]
    other: dict[str, str]
    used: float


def whole_of(work: Work, room: Path) -> Whole:
    """Do it twice with each seed; the seconds are those of the second time, when all has been compiled."""
    found = []
    for more in ((), _OTHER_SEED):
        for _ in range(2):
            began = forks.used_so_far([])
            folder = fresh(work, room)
            if forks.run([*work.begin, *more], folder) != 0:
                raise RuntimeError(f"a command that was alone was refused: {forks.said(folder)}")
            used = forks.used_so_far([]) - began
        found.append((forks.called(contents, folder / "out"), used))
    return Whole(found[0][0], found[1][0], found[0][1])


def race(name: str, second: str, whole: Whole, room: Path, rng: random.Random, found: Found) -> None:
    """One race: begin the work, at a random moment the second command, wait for both, look at the folder."""
    work = WORKS[name]
    folder = fresh(work, room / "raced")
    beside = room / "beside"
    beside.mkdir(exist_ok=True)
    for old in beside.iterdir():
        old.unlink()
    # Each has a file of its own for what it says.
    (beside / "scenario.yaml").write_text(work.text, encoding="utf-8")
    there = folder / "out"
    words = [
        str(there) if w == "out" else str(folder / "again") if w == "again" else w for w in _of(work, second)
    ]
    moment = rng.uniform(_FROM, _TO) * whole.used
    pid = forks.launch(work.begin, folder)
    if moment > 0.03 * whole.used:
        forks.wait_for_work(pid, list, moment, rng.uniform(0.0, _REST))
    alive = forks.runs(pid)
    other = forks.launch(words, beside)
    codes = forks.end(pid), forks.end(other)
    said = forks.said(folder), forks.said(beside)
    outcome = f"{_outcome(codes[0])}, second {_outcome(codes[1])}"
    found.counts[outcome] += 1
    problems = [
        f"{who} ended with {code}: {text[-300:]}"
        for who, code, text in zip(("first", "second"), codes, said, strict=True)
        if code not in (0, 1, 2) or (code == 2 and not _a_line(text)) or "Traceback" in text
    ]
    if codes[0] == 2 and (second in _READS or codes[1] == 2):
        problems.append(f"neither wrote: {said}")
    if second not in _READS and alive and codes[0] == codes[1] == 0 and second != "resume":
        found.counts["both wrote, one after the other"] += 1
    if not problems:
        problems += _compared(there, whole, codes, second)
    found.faults += [f"{name}, {second} at {moment:.2f} s: {p}" for p in problems]


def _compared(there: Path, whole: Whole, codes: tuple[int, int], second: str) -> list[str]:
    """What the folder holds against what either alone makes."""
    try:
        held = forks.called(contents, there)
    except RuntimeError as error:
        return [f"can't be read: {error}"]
    seeds = [whole.own, whole.other]
    if codes[1] == 0 and second == "overwrite":
        seeds = [whole.other]
    elif codes[0] == 0 or second == "the same":
        seeds = [whole.own]
    if held in seeds:
        return []
    apart = sorted(p for p in {*held, *seeds[0]} if held.get(p) != seeds[0].get(p))
    return [f"codes {codes}, other bits: {apart[:8]}"]


def _of(work: Work, second: str) -> list[str]:
    first, *more = SECONDS[second]
    begun: dict[str, Any] = {"begin": work.begin, "resume": work.resume}
    return [*begun.get(first, (first,)), *more]


def _outcome(code: int) -> str:
    return {0: "went through", 1: "went through", 2: "refused"}.get(code, f"exit code {code}")


def _a_line(text: str) -> bool:
    return len(text.splitlines()) == 1 and text.isprintable()
