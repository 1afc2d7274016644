"""The whole benchmark: measure, write the table, the data and the figure."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sdesim.errors import SdesimError
from sdesim.io.files import atomic_write_bytes, atomic_write_json, atomic_write_text
from sdesim.runs.provenance import git_commit, host, versions

from .contest import Arena, contests
from .costs import saving, start_up, threads
from .figure import ratios
from .readings import readings
from .rows import Row
from .table import data, markdown

LETTERS = ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J")
_COSTS: dict[str, Callable[[Arena], list[Row]]] = {"E": threads, "F": saving, "G": start_up, "H": readings}


@dataclass(frozen=True)
class Settings:
    """How much is measured: rounds, and the share of the steps of a full run."""

    rounds: int
    scale: float


FULL = Settings(rounds=9, scale=1.0)
QUICK = Settings(rounds=3, scale=0.25)


def run_benchmarks(
    out: str | Path,
    only: Sequence[str] = LETTERS,
    peers: bool = True,
    settings: Settings = FULL,
    say: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Measure problems A to J and write table.md, bench.json and ratios.png.

    Args:
        out: folder for the results.
        only: letters of the problems.
        peers: whether other packages take part; each needs an environment, which is made on first use.
        settings: `FULL` or `QUICK`.
        say: told what is being done, in one line.

    Returns:
        What bench.json holds.

    Raises:
        SdesimError: a letter is not one of the problems.
        RunError: the results can't be written.
    """
    wrong = [k for k in only if k not in LETTERS]
    if wrong or not only:
        raise SdesimError(f"only takes letters out of {', '.join(LETTERS)}, got {', '.join(wrong) or 'none'}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory(prefix="sdesim-bench-") as folder:
        arena = Arena(Path(folder), settings.rounds, settings.scale, peers, say)
        rows = list(contests(arena, only))
        for key, measure in _COSTS.items():
            if key in only:
                rows += measure(arena)
    facts = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": host(),
        "load_before": load,
        "git_commit": git_commit(),
        "versions": versions() | arena.versions,
        "compilers": arena.compilers,
        "rounds": settings.rounds,
        "quick": settings != FULL,
    }
    return _write(Path(out), rows, facts)


def _write(out: Path, rows: Sequence[Row], facts: dict[str, Any]) -> dict[str, Any]:
    found = data(rows, facts)
    atomic_write_json(out / "bench.json", found)
    atomic_write_text(out / "table.md", markdown(rows, facts))
    figure = ratios(rows)
    if figure is not None:
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=110)
        atomic_write_bytes(out / "ratios.png", picture.getvalue())
    return found
