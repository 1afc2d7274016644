"""The verb that runs a scenario over a grid of values: sweep."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdesim.commands.interruption import interruptible, same_command_resuming
from sdesim.commands.options import (
    MISSED,
    OK,
    AcceptOption,
    ForceOption,
    JsonOption,
    QuickOption,
    QuietOption,
    SetOption,
    TrustOption,
    complete_scenarios,
    read_overrides,
)
from sdesim.commands.printing import interval, make_console, print_json, say, spent
from sdesim.io.text import clipped, for_terminal

if TYPE_CHECKING:
    from sdesim.scenario.sweep.points import Point


def sweep(
    file: Annotated[
        str,
        typer.Argument(
            metavar="SCENARIO", help="A scenario file or shipped name.", autocompletion=complete_scenarios
        ),
    ],
    settings: SetOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Directory; default runs/NAME-sweep.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a sweep stopped.")] = False,
    accept_changes: AcceptOption = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="AXIS=VALUE", help="Run only these points now.")
    ] = None,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Processes on this machine.")
    ] = 1,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Run on this Dask cluster.")
    ] = None,
    quick: QuickOption = False,
    trust: TrustOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a scenario at every point of its sweep; draw maps and curves."""
    from sdesim.io.memory import forced
    from sdesim.scenario import load_sweep, run_sweep

    with forced(force):
        found = load_sweep(file, read_overrides(settings), quick, trust or ())
    target = out if out is not None else Path("runs") / f"{found.scenario.name}-sweep"
    with interruptible(target, same_command_resuming()), forced(force):
        summary = run_sweep(
            found,
            target,
            resume=resume,
            accept_changes=accept_changes,
            only=only or (),
            workers=workers,
            scheduler=scheduler,
            quick=quick,
            progress=not quiet,
            before=None if quiet or as_json else partial(_tell, found.scenario.name, workers, scheduler),
        )
    if resume and not summary["points_run"] and not quiet:
        told = f"sdesim: {for_terminal(target)} holds all of these points already; there is nothing to run"
        print(told, file=sys.stderr)
    if as_json:
        print_json({**summary, "directory": str(target)})
    elif not quiet:
        print_sweep(summary, target)
    else:
        # Nothing but errors.
        for p in summary["points"]:
            if p["state"] == "failed":
                print(clipped(f"sdesim: {p['name']}: {p['error']}"), file=sys.stderr)
    bad = any(p["state"] == "failed" or "missed" in p.get("outcomes", ()) for p in summary["points"])
    raise typer.Exit(MISSED if bad else OK)


def _tell(name: str, workers: int, scheduler: str | None, points: Sequence[Point]) -> None:
    """What the points that are to be run take."""
    from sdesim.io.scheduler import processes_at
    from sdesim.scenario.estimate import spent as told_time
    from sdesim.scenario.sweep.sizes import estimate_points, seconds_of_points

    if not points:
        return
    needed = estimate_points(points, workers)
    count = f"{len(points)} point" + "s" * (len(points) > 1)
    print(f"sdesim: {name}, {count}, {needed.words}", file=sys.stderr, flush=True)
    shared = workers if scheduler is None else processes_at(scheduler)
    if (time := seconds_of_points(points, shared, scheduler is None)) is not None:
        print(f"sdesim: {name}, {count}, about {told_time(time)}", file=sys.stderr, flush=True)


def print_sweep(summary: dict[str, Any], target: Path) -> None:
    """How many points there are, what failed, and the laws along the axes, or why there are none."""
    console = make_console()
    points = summary["points"]
    finished = [p for p in points if p["state"] == "finished"]
    axes = " × ".join(f"{a['label']} ({len(a['values'])})" for a in summary["axes"])
    told = f"{summary['name']}: {len(finished)} of {len(points)} points of {axes}"
    say(console, told, "bold")
    for f in summary["fits"]:
        place = f" at {f['held']}" if f["held"] else ""
        exponent = interval(f["value"], f["low"], f["high"])
        flags = f" ({', '.join(f['flags'])})" if f["flags"] else ""
        told = f"{f['quantity']} ∝ {f.get('formula', f['axis'] + '^k')}, k = {exponent}{flags}"
        say(console, told, label=f"  {f['arm']}{place}: ")
        between = (
            f"{interval(b['value'], b['low'], b['high'])} from {b['start']:g} to {b['end']:g}"
            for b in f.get("local", ())
        )
        say(console, "; ".join(between), label="    between neighbours: ")
    if not summary["fits"]:
        for why in dict.fromkeys(w["why"] for w in summary.get("fits_left_out", ())):
            say(console, why, label="no law is fitted: ")
    missed = [p["name"] for p in finished if "missed" in p["outcomes"]]
    if missed:
        say(console, "; ".join(missed), "red", "expectations missed at: ")
    for p in points:
        if p["state"] == "failed":
            say(console, p["error"], "red", f"{p['name']}: ")
    say(console, f"{target / 'report.html'} ({spent(summary['wall_time'])})", label="Report: ")
