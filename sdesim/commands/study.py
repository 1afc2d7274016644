"""Verbs that run the studies that travel with the package: bench, calibrate, claims."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sdesim.commands.interruption import interruptible, same_command_resuming
from sdesim.commands.options import MISSED, OK, JsonOption, QuietOption
from sdesim.commands.printing import make_console, print_json


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="A quarter of the steps, a third of the rounds.")
    ] = False,
    only: Annotated[
        str, typer.Option("--only", metavar="LETTERS", help="Problems, as in A,C.")
    ] = "A,B,C,D,E,F,G,I,J",
    peers: Annotated[bool, typer.Option(help="Time other packages too, each in its own environment.")] = True,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of table, data and figure.")
    ] = Path("runs/bench"),
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Time sdesim beside its peers and beside C, in turns."""
    from sdesim.shipped import study

    benchmarks = study("benchmarks")
    found = benchmarks.run_benchmarks(
        out,
        [letter.strip() for letter in only.split(",")],
        peers,
        benchmarks.QUICK if quick else benchmarks.FULL,
        (lambda message: None) if quiet else (lambda message: print(message, file=sys.stderr)),
    )
    if as_json:
        print_json(found)
    elif not quiet:
        print((out / "table.md").read_text(encoding="utf-8"), end="")


def calibrate(
    estimators: Annotated[
        list[str] | None, typer.Argument(metavar="ESTIMATOR", help="Names, or all; default all.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="An eighth of the replications, no largest sizes.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of all random numbers.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder of table, data and figures; default none."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Processes that share the work; default all cores."),
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Hold estimators against known answers: bias, coverage, alarms."""
    import os

    from sdesim.scenario import calibrate as run_calibration

    found = run_calibration(
        estimators or "all",
        quick,
        seed,
        out=out,
        processes=processes or os.cpu_count() or 1,
        progress=not quiet,
    )
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        found.show(make_console(folds=True, markup=True))
    raise typer.Exit(OK if found.holds else MISSED)


def claims(
    ids: Annotated[list[str] | None, typer.Argument(metavar="CLAIM", help="As C29; default all.")] = None,
    only: Annotated[str | None, typer.Option("--only", metavar="IDS", help="As in C1,C5-C9.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: a run through, no verdicts.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of all random numbers.")] = 0,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder of records, figures and page.")
    ] = Path("runs/claims"),
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Processes that share the work.")
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the claims that the folder holds already.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Put the claims of the theory to the test, a small study each.

    Verdicts are held against those that come with sdesim: another seed shows which of them move.
    """
    from sdesim.shipped import study

    ledger = study("claims")
    silent = quiet or as_json
    only = ",".join([*(ids or ()), *([only] if only else [])]) or None

    def tell(record: dict[str, Any], done: int, total: int) -> None:
        if not silent:
            spent = f" ({record['seconds']:.1f} s)" if "seconds" in record else ""
            print(f"{done}/{total} {record['id']}: {record['verdict']}{spent}", file=sys.stderr, flush=True)

    with interruptible(out, same_command_resuming(), "*"):
        found = ledger.run_claims(only, quick, seed, out, workers, resume, tell)
    if as_json:
        moved = ledger.moved(found.records, ledger.stored()["claims"])
        print_json({**found.to_dict(), "moved": moved})
    elif not quiet:
        console = make_console(folds=True, markup=True)
        ledger.show(console, found.records, ledger.stored()["claims"])
        console.print(f"page: {out / 'index.html'}", markup=False, soft_wrap=True)
    raise typer.Exit(MISSED if found.errors else OK)
