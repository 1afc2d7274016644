"""The verb that runs a scenario over a grid of values: sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sdesim.commands.options import (
    MISSED,
    OK,
    AcceptOption,
    JsonOption,
    QuickOption,
    QuietOption,
    SetOption,
    TrustOption,
    interval,
    make_console,
    print_json,
    read_overrides,
)


def sweep(
    file: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A scenario file or shipped name.")],
    settings: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Directory; default runs/NAME-sweep.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a sweep stopped.")] = False,
    accept_changes: AcceptOption = False,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="AXIS=VALUE", help="Run only these points now.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes on this machine.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Run on this Dask cluster.")
    ] = None,
    quick: QuickOption = False,
    trust: TrustOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run a scenario at every point of its sweep, and draw the maps and curves."""
    from sdesim.scenario import load_sweep, run_sweep

    found = load_sweep(file, read_overrides(settings), quick, trust or ())
    target = out if out is not None else Path("runs") / f"{found.scenario.name}-sweep"
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
    )
    if as_json:
        print_json({**summary, "directory": str(target)})
    elif not quiet:
        print_sweep(summary, target)
    bad = any(p["state"] == "failed" or "missed" in p.get("outcomes", ()) for p in summary["points"])
    raise typer.Exit(MISSED if bad else OK)


def print_sweep(summary: dict[str, Any], target: Path) -> None:
    """How many points there are, what failed, and the power laws."""
    console = make_console()
    points = summary["points"]
    finished = [p for p in points if p["state"] == "finished"]
    axes = " × ".join(f"{a['label']} ({len(a['values'])})" for a in summary["axes"])
    console.print(f"[bold]{summary['name']}[/bold]: {len(finished)} of {len(points)} points of {axes}")
    missed = [p["name"] for p in finished if "missed" in p["outcomes"]]
    if missed:
        console.print(f"expectations missed at: {'; '.join(missed)}", style="red", markup=False)
    for p in points:
        if p["state"] == "failed":
            console.print(f"{p['name']}: {p['error']}", style="red", markup=False)
    for f in summary["fits"]:
        place = f" at {f['held']}" if f["held"] else ""
        exponent = interval(f["value"], f["low"], f["high"])
        console.print(f"{f['arm']}{place}: {f['quantity']} ∝ {f['axis']}^ {exponent}", markup=False)
    console.print(
        f"{summary['wall_time']:.1f} s; report: {target / 'report.html'}", markup=False, soft_wrap=True
    )
