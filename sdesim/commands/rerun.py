"""The verb that runs a run directory again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdesim.commands.options import (
    MISSED,
    OK,
    AcceptOption,
    JsonOption,
    QuietOption,
    RunArgument,
    ThreadsOption,
    TrustOption,
)
from sdesim.commands.outcome import print_outcome
from sdesim.commands.printing import make_console, print_json, say

if TYPE_CHECKING:
    from rich.console import Console


def rerun(
    path: RunArgument,
    check: Annotated[
        bool, typer.Option("--check", help="Compare every number with the run's, and tell what differs.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where the second run is kept; default RUN-again, or with --check not.",
        ),
    ] = None,
    accept_changes: AcceptOption = False,
    threads: ThreadsOption = None,
    trust: TrustOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run again what a run directory says; --check compares every bit."""
    from sdesim.scenario import check_again
    from sdesim.scenario import rerun as run_again

    options: dict[str, Any] = {
        "threads": threads, "progress": not quiet, "trust": trust or (), "accept_changes": accept_changes,
    }  # fmt: skip
    if not check:
        target = path.with_name(f"{path.resolve().name}-again") if out is None else out
        summary = run_again(path, target, **options)
        if as_json:
            print_json({**summary, "directory": str(target)})
        elif not quiet:
            print_outcome(summary, target)
        raise typer.Exit(OK)
    found = check_again(path, out, **options)
    if as_json:
        print_json({"run": str(path), **found})
    elif not quiet:
        _print_check(make_console(), found)
    raise typer.Exit(OK if found["same"] else MISSED)


def _print_check(console: Console, found: dict[str, Any]) -> None:
    """What of the environment differs, a line for each arm and for what is measured in it, and one for each
    variable that is not the same."""
    rule = "every bit must be the same"
    if not found["exact"]:
        rule = f"up to {found['tolerance']:g} of the largest value counts as the same"
    changes = [
        f"{name} {now or 'unknown'} (then {then or 'unknown'})"
        for name, (then, now) in found["environment"].items()
    ]
    say(console, f"{'; '.join(changes) or 'as the run notes it'}: {rule}", label="Environment: ")
    for part, of in (("arms", "variables"), ("measured", "quantities and what stands beside them")):
        for name, variables in found[part].items():
            alike = sum(v["outcome"] == "same bits" for v in variables.values())
            arm = name if part == "arms" else f"{name}, measured"
            say(console, f"{alike} of {len(variables)} {of} with the same bits", label=f"{arm}: ")
            for variable, v in variables.items():
                if v["outcome"] != "same bits":
                    colour = "red" if v["outcome"] == "differs" else ""
                    say(console, _told(v), colour, f"  {variable}: ")


def _told(v: dict[str, Any]) -> str:
    if v["difference"] is None:
        return f"{v['outcome']}: {'it is missing' if v['missing'] else 'of another shape or type'}"
    place = ", ".join(f"{dim} {k}" for dim, k in v["first"].items())
    return f"{v['outcome']}: by {v['difference']:.3g} of its largest value, first at {place}"
