"""Run cases: choose, replicate in chunks (on several processes where asked), summarise, write."""

from __future__ import annotations

import io
import math
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from threadpoolctl import threadpool_limits

from sdesim.errors import SdesimError
from sdesim.io.files import atomic_write_bytes, atomic_write_json, atomic_write_text
from sdesim.io.processes import processes as in_processes
from sdesim.io.progress import LabelledReport, labelled_progress
from sdesim.runs.provenance import git_commit, host, versions
from sdesim.shipped import call_in_study

from .case import CASES, Case, Trial
from .result import Calibration
from .rows import summarise

_QUICK_SHARE, _QUICK_LEAST = 8, 5
# A full run waits for its slowest chunk at the end: of a case, this many chunks at most.
_CHUNKS = 8
_Task = tuple[str, int, int, int]


def estimator_names() -> list[str]:
    """Every estimator that has a case, in order."""
    return list(dict.fromkeys(case.estimator for case in CASES.values()))


def choose(estimator: str | Sequence[str]) -> list[Case]:
    """The cases of the named estimators.

    Raises:
        SdesimError: an estimator that has no case.
    """
    known = estimator_names()
    wanted = [estimator] if isinstance(estimator, str) else list(estimator)
    wrong = [name for name in wanted if name != "all" and name not in known]
    if wrong or not wanted:
        found = ", ".join(map(repr, wrong)) or "none"
        raise SdesimError(f"estimator must be 'all' or out of {', '.join(known)}, got {found}")
    return [case for case in CASES.values() if "all" in wanted or case.estimator in wanted]


def calibrate(
    estimator: str | Sequence[str] = "all",
    quick: bool = False,
    seed: int = 0,
    replications: int | None = None,
    out: str | Path | None = None,
    processes: int = 1,
    progress: bool | LabelledReport = False,
) -> Calibration:
    """See `sdesim.calibrate`."""
    cases = choose(estimator)
    if replications is not None and replications < 2:
        raise SdesimError(f"replications must be at least 2, got {replications}")
    if processes < 1:
        raise SdesimError(f"processes must be at least 1, got {processes}")
    started = time.perf_counter()
    counts = {
        (case.key, size): replications or _count(case, quick)
        for case in cases
        if not (quick and case.slow)
        for size in (case.sizes[:-1] if quick and len(case.sizes) > 1 else case.sizes)
    }
    trials = _replicate(counts, seed, processes, progress)
    facts = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "quick": quick,
        "git_commit": git_commit(),
        "versions": versions(),
        "host": host(),
        "wall_time": time.perf_counter() - started,
    }
    rows = tuple(summarise(CASES[key], size, trials[key, size]) for key, size in counts)
    found = Calibration(rows, facts)
    if out is not None:
        write(found, Path(out))
    return found


def _count(case: Case, quick: bool) -> int:
    return max(_QUICK_LEAST, case.replications // _QUICK_SHARE) if quick else case.replications


def _tasks(counts: dict[tuple[str, int], int]) -> Iterator[_Task]:
    for (key, size), count in counts.items():
        length = max(10, math.ceil(count / _CHUNKS))
        for start in range(0, count, length):
            yield key, size, start, min(start + length, count)


def replicate(key: str, size: int, start: int, stop: int, seed: int) -> list[Trial]:
    """Replications start to stop − 1 of a case, on one thread, so that no sum depends on the host's cores."""
    case = CASES[key]
    with threadpool_limits(1):
        return [case.replicate(size, r, seed) for r in range(start, stop)]


def _replicate(
    counts: dict[tuple[str, int], int], seed: int, processes: int, progress: bool | LabelledReport
) -> dict[tuple[str, int], list[Trial]]:
    tasks = list(_tasks(counts))
    totals: dict[str, int] = {}
    for (key, _), count in counts.items():
        totals[CASES[key].estimator] = totals.get(CASES[key].estimator, 0) + count
    done = dict.fromkeys(totals, 0)
    parts: dict[_Task, list[Trial]] = {}
    with labelled_progress(progress) as report:
        for task, part in _run(tasks, seed, processes):
            parts[task] = part
            name = CASES[task[0]].estimator
            done[name] += len(part)
            report(name, done[name], totals[name])
    trials: dict[tuple[str, int], list[Trial]] = {place: [] for place in counts}
    for task in tasks:
        trials[task[:2]] += parts[task]
    return trials


def _run(tasks: Sequence[_Task], seed: int, processes: int) -> Iterator[tuple[_Task, list[Trial]]]:
    if processes == 1:
        for task in tasks:
            yield task, replicate(*task, seed)
        return
    calls = [("calibration", "replicate", *task, seed) for task in tasks]
    # A part is only numbers of its own: what dies over one is begun again.
    with in_processes(min(processes, os.cpu_count() or 1), tries=2) as shared_out:
        for ended in shared_out(call_in_study, calls):
            yield tasks[ended.place], ended.result()


def write(found: Calibration, out: Path) -> None:
    """calibration.json, table.md and the figures.

    Raises:
        RunError: they can't be written.
    """
    from .figure import figures

    atomic_write_json(out / "calibration.json", found.to_dict())
    atomic_write_text(out / "table.md", found.table())
    for name, figure in figures(found.rows).items():
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=90)
        atomic_write_bytes(out / f"{name}.png", picture.getvalue())
