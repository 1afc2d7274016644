"""Runs the points of a sweep, here, in processes, or on a Dask cluster, and gathers them in one table.

A point is an ordinary run directory written by `run_scenario`; where it runs can't change a bit of it.
"""

from __future__ import annotations

import csv
import io
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdesim.compiled.generated import check_cache
from sdesim.errors import RunError, ScenarioError, located
from sdesim.io.files import (
    atomic_write_text,
    content_of,
    read_json,
    read_text,
    remove_drafts,
    standing,
    write_record,
)
from sdesim.io.lock import locked
from sdesim.io.memory import forced, is_forced
from sdesim.io.processes import Ended, processes
from sdesim.io.progress import MARK, PROGRESS, LabelledReport, labelled_progress, noted_progress
from sdesim.io.scheduler import connected, on_cluster, one_task
from sdesim.io.text import for_cell
from sdesim.report import COLUMNS
from sdesim.runs.provenance import mark_of, provenance
from sdesim.scenario.finished import check_folder
from sdesim.scenario.foreign import foreign_kinds, refuse_changed
from sdesim.scenario.load import parse_scenario
from sdesim.scenario.run import resolved_yaml, run_scenario
from sdesim.scenario.run_folder import begins_here, unfinished
from sdesim.scenario.sweep.points import Point, Sweep, choose
from sdesim.scenario.sweep.sizes import check_points

# A Dask worker may have several threads, but the global state of torch, kernels and matplotlib is one for a
# process.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Task:
    """What a worker needs to run a point: plain texts and numbers, so that it travels anywhere.

    Attributes:
        force: refuse nothing because of its size.
    """

    name: str
    text: str
    target: str
    quick: bool
    threads: int | None
    trust: tuple[str, ...] = ()
    folder: str | None = None
    others: tuple[dict[str, Any], ...] = ()
    force: bool = False


def run_task(task: Task) -> str:
    """Run one point into its directory; an unfinished one there is begun again.

    Returns:
        "" when it is done, else why it could not be run.
    """
    try:
        # The sweep's own folder is not made anew where it was moved.
        with forced(task.force), _ONE_AT_A_TIME, standing(Path(task.target).parents[1]):
            scenario = parse_scenario(task.text, task.name, trust=task.trust, folder=task.folder)
            refuse_changed(task.others, scenario)
            run_scenario(
                scenario, task.target, overwrite=True, quick=task.quick, threads=task.threads, progress=False
            )
    except Exception as error:
        # Code of others may raise anything; the other points go on.
        return located(error)
    return ""


def run_sweep(
    sweep: Sweep,
    out: str | Path,
    *,
    resume: bool = False,
    accept_changes: bool = False,
    only: Sequence[str] = (),
    workers: int = 1,
    scheduler: str | None = None,
    quick: bool = False,
    progress: bool | LabelledReport = True,
    before: Callable[[Sequence[Point]], None] | None = None,
) -> dict[str, Any]:
    """Run the points of a sweep and write its directory: points, table, summary, figures, report.

    Args:
        sweep: as loaded, with every point checked.
        out: the sweep's directory; marked incomplete until every point is there.
        resume: go on in a directory that is there; finished points are kept as they are.
        accept_changes: keep those that code made which was edited since, with a warning.
        only: AXIS=VALUE, the points to run now.
        workers: processes on this machine.
        scheduler: address of a Dask scheduler that runs the points instead; its workers must see `out` under
            the same path.
        quick: only noted in the summaries.
        progress: True: a bar when stderr is a terminal; or a function (label, done, total) of points.
        before: is given the points that are to be run, before the first of them is.

    Returns:
        The content of summary.json; "points_run" and "wall_time" are of this call.

    Raises:
        ScenarioError: workers or only make no sense, or the points do not fit into memory and disk.
        RunError: `out` is in the way or can't be written, holds points of another scenario, or finished ones
            that are not as they were written; no point could be run, or the cluster can't be reached or was
            lost. What fails at one point, or kills the process that runs it, leaves the others going and is
            told in the summary.
    """
    started = time.perf_counter()
    if workers < 1:
        raise ScenarioError(f"workers: found {workers}, allowed: a whole number of at least 1")
    target = Path(out)
    texts = {point.name: resolved_yaml(point.scenario) for point in sweep.points}
    finished = _check_room(sweep, target, texts, resume, accept_changes)
    chosen = [p for p in choose(sweep, only) if p.name not in finished]
    cores = os.cpu_count() or 1
    threads = None if workers == 1 and scheduler is None else max(1, cores // workers)
    tasks = [
        Task(
            p.name,
            texts[p.name],
            str((target / "points" / p.name).resolve()),
            quick,
            threads,
            sweep.trust,
            sweep.folder,
            tuple(foreign_kinds(p.scenario)),
            is_forced(),
        )
        for p in chosen
    ]
    check_cache()
    check_points(chosen, workers if scheduler is None else 0, target, sweep.scenario.name)
    if before is not None:
        before(chosen)
    with (
        _runner(workers, scheduler, len(tasks)) as run,
        locked(target) as held,
        unfinished(target, held, "sweep"),
    ):
        remove_drafts(target, target / "figures")
        text = resolved_yaml(sweep.scenario)
        atomic_write_text(target / "scenario.yaml", text)
        noted = {**provenance(), "kinds_of_others": foreign_kinds(sweep.points[0].scenario), **mark_of(text)}
        write_record(target / "provenance.json", noted)
        failed: dict[str, str] = {}
        with (
            labelled_progress(progress, transient=True, unit="points") as report,
            noted_progress(report, target / PROGRESS) as noting,
        ):
            told = held.told(noting)
            told("points", 0, len(tasks))
            try:
                for done, (name, error) in enumerate(run(tasks), start=1):
                    if error:
                        failed[name] = error
                    told("points", done, len(tasks))
            except RunError as lost:
                # A directory that was moved keeps nothing here.
                held.check()
                raise RunError(
                    f"{lost}; {target} keeps its finished points, and --resume runs the rest"
                ) from None
    if tasks and len(failed) == len(tasks):
        name, error = next(iter(failed.items()))
        raise RunError(f"no point could be run; {name}: {error}")
    return _gather(sweep, target, failed, quick, len(tasks), time.perf_counter() - started)


def _check_room(
    sweep: Sweep, target: Path, texts: dict[str, str], resume: bool, accept: bool
) -> set[str]:  # fmt: skip
    """Names of the points that are finished already."""
    if begins_here(target):
        return set()
    if not resume:
        raise RunError(f"{target} exists already; choose another --out, or give --resume")
    if not target.is_dir() or not ((target / "points").is_dir() or (target / MARK).exists()):
        raise RunError(f"{target} is not the directory of a sweep, so it is not resumed")
    finished = {p.name for p in sweep.points if _is_finished(target / "points" / p.name)}
    for point in sweep.points:
        folder = target / "points" / point.name
        if point.name not in finished:
            continue
        if read_text(folder / "scenario.yaml") != texts[point.name]:
            raise RunError(f"{folder} was run from another scenario; choose another --out")
        try:
            check_folder(folder)
        except RunError as error:
            raise RunError(
                f"{error}: restore it, or remove {folder}, and --resume runs that point again"
            ) from None
        noted = read_json(folder / "provenance.json")
        refuse_changed(noted.get("kinds_of_others", []), point.scenario, accept)
    return finished


def _is_finished(folder: Path) -> bool:
    return (folder / "summary.json").exists() and not (folder / MARK).exists()


Runner = Callable[[Sequence[Task]], Iterator[tuple[str, str]]]


@contextmanager
def _runner(workers: int, scheduler: str | None, count: int) -> Iterator[Runner]:
    """What yields (name, error) of tasks as they end."""
    if scheduler is not None and count:
        with connected(scheduler) as client:
            yield lambda tasks: _outcomes(tasks, on_cluster(client, (one_task(run_task, t) for t in tasks)))
    elif workers > 1 and count > 1:
        with processes(min(workers, count)) as shared_out:
            yield lambda tasks: _outcomes(tasks, shared_out(run_task, _calls(tasks)))
    else:
        yield lambda tasks: ((task.name, run_task(task)) for task in tasks)


def _calls(tasks: Sequence[Task]) -> Iterator[tuple[Task]]:
    return ((task,) for task in tasks)


def _outcomes(tasks: Sequence[Task], calls: Iterable[Ended]) -> Iterator[tuple[str, str]]:
    for ended in calls:
        error = ended.value if ended.error is None else located(ended.error)
        yield tasks[ended.place].name, error


def _gather(
    sweep: Sweep, target: Path, failed: dict[str, str], quick: bool, ran: int, wall_time: float
) -> dict[str, Any]:
    """Write the table, the summary, the figures and the report of what is finished."""
    from sdesim.comparison.sweep_fits import asked_fits
    from sdesim.report import SweepTable, write_sweep_report
    from sdesim.report.headline import sweep_headline

    summaries = {
        p.name: read_json(target / "points" / p.name / "summary.json")
        for p in sweep.points
        if _is_finished(target / "points" / p.name)
    }
    axes = [
        {"label": a.label, "key": a.key, "values": list(a.coordinates), "rows": [list(r) for r in a.rows]}
        for a in sweep.axes
    ]
    rows: list[dict[str, Any]] = []
    for p in sweep.points:
        if p.name in summaries:
            with content_of(target / "points" / p.name / "summary.json"):
                rows += _rows(sweep, p, summaries[p.name])
    table = {"axes": axes, "rows": rows}
    fits = asked_fits(SweepTable.of(table), sweep.scenario.fits)
    write_record(target / "table.json", table)
    atomic_write_text(target / "table.csv", _csv(rows, [a.label for a in sweep.axes]))
    arms = {name: arm["kind"] for s in summaries.values() for name, arm in s["arms"].items()}
    summary = {
        "name": sweep.scenario.name,
        "description": sweep.scenario.description,
        "seed": sweep.scenario.seed,
        "quick": quick,
        "axes": axes,
        "arms": arms,
        "points": [_point(sweep, p, summaries.get(p.name), failed) for p in sweep.points],
        "expected": [e.why for e in sweep.scenario.expect],
        "fits": [f.to_dict() for f in fits],
        "fits_left_out": list(fits.left_out),
        "points_run": ran,
        "wall_time": wall_time,
    }
    summary["headline"] = sweep_headline(summary).to_dict()
    write_record(target / "summary.json", summary)
    write_sweep_report(target)
    if len(summaries) == len(sweep.points):
        (target / MARK).unlink(missing_ok=True)
    return summary


def _point(
    sweep: Sweep, point: Point, summary: dict[str, Any] | None, failed: dict[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = {"name": point.name, "values": _coordinates(sweep, point)}
    if summary is None:
        state = "failed" if point.name in failed else "not run"
        return {**found, "state": state, "error": failed.get(point.name, "")}
    return {
        **found,
        "state": "finished",
        "wall_time": summary["wall_time"],
        "outcomes": [e["outcome"] for e in summary["expectations"]],
        "warnings": summary["warnings"],
    }


def _coordinates(sweep: Sweep, point: Point) -> dict[str, Any]:
    return {a.label: a.coordinates[k] for a, k in zip(sweep.axes, point.places, strict=True)}


def _rows(sweep: Sweep, point: Point, summary: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each arm, quantity and moment of a point."""
    place = {"point": point.name, **_coordinates(sweep, point)}
    for name, arm in summary["arms"].items():
        for part, at in (("end", "end"), ("mean", "mean"), ("whole", "whole run")):
            for quantity, found in arm[part].items():
                yield {**place, "arm": name, "kind": arm["kind"], **_cell(quantity, at, found)}
    asked: dict[tuple[str, str, str], dict[str, Any]] = {}
    for e in summary["expectations"]:
        kind = summary["arms"][e["arm"]]["kind"]
        row = {**place, "arm": e["arm"], "kind": kind, **_cell(e["quantity"], f"expect at {e['at']}", e)}
        # Two bounds on one number are one row.
        known = asked.setdefault((e["arm"], e["quantity"], e["at"]), row)
        if row["remark"] not in known["remark"].split("; "):
            known["remark"] += f"; {row['remark']}"
    yield from asked.values()


def _cell(quantity: str, at: str, found: dict[str, Any]) -> dict[str, Any]:
    """A quantity as columns; NaN where there is none."""
    remark = found.get("note") or "; ".join(found.get("flags", ())) or found.get("outcome", "")
    numbers = {side: _float(found[side]) for side in ("value", "low", "high")}
    return {"quantity": quantity, "at": at, **numbers, "n": found["n"], "remark": remark}


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _csv(rows: Sequence[dict[str, Any]], labels: Sequence[str]) -> str:
    """RFC 4180 with a header line; empty for a number that is missing."""
    buffer = io.StringIO()
    names = ["point", *labels, *(c for c in COLUMNS if c != "point")]
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(for_cell, names))
    for row in rows:
        told = (row.get(name, "") for name in names)
        writer.writerow("" if isinstance(v, float) and math.isnan(v) else for_cell(v) for v in told)
    return buffer.getvalue()
