"""Verbs that run scenarios or check their files: run, resume, validate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sdesim.commands.interruption import interruptible, resuming
from sdesim.commands.options import (
    MISSED,
    OK,
    AcceptOption,
    ClusterOption,
    FilesArgument,
    ForceOption,
    JsonOption,
    QuickOption,
    QuietOption,
    SetOption,
    StrictOption,
    ThreadsOption,
    TrustOption,
    VerboseOption,
    complete_runs,
    read_cluster,
    read_overrides,
)
from sdesim.commands.outcome import print_outcome
from sdesim.commands.printing import make_console, print_json, say
from sdesim.io.text import for_terminal


def run(
    files: FilesArgument,
    settings: SetOption = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="DIR|URL", help="Run directory; default runs/NAME.")
    ] = None,
    quick: QuickOption = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing run directory.")
    ] = False,
    threads: ThreadsOption = None,
    cluster: ClusterOption = None,
    strict: StrictOption = False,
    trust: TrustOption = None,
    force: ForceOption = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run scenarios: simulate, train, measure, compare, report."""
    from sdesim.io.memory import forced, spread

    workers = read_cluster(cluster)
    with forced(force), spread(workers):
        missed = _run(
            files, settings, out, quick, overwrite, threads, workers, strict, trust, verbose, as_json, quiet
        )
    raise typer.Exit(MISSED if missed else OK)


def _run(
    files: list[str], settings: list[str] | None, out: str | None, quick: bool, overwrite: bool,
    threads: int | None, cluster: str | int | None, strict: bool, trust: list[str] | None, verbose: bool,
    as_json: bool, quiet: bool,
) -> bool:  # fmt: skip
    """Whether a run missed what is expected of it."""
    from sdesim.errors import ScenarioError
    from sdesim.io.places import place
    from sdesim.io.progress import labelled_progress
    from sdesim.scenario import check_room, load_scenario, run_scenario
    from sdesim.scenario.estimate import estimate

    overrides = read_overrides(settings)
    scenarios = [load_scenario(f, overrides, quick, trust or ()) for f in files]
    if out is not None and len(scenarios) > 1:
        raise ScenarioError("--out names one run directory, but several scenarios are given")
    targets = [place(out) if out is not None else Path("runs") / s.name for s in scenarios]
    if len(set(targets)) < len(targets):
        raise ScenarioError("two of the scenarios have the same name, so they need separate calls with --out")
    for target in targets:
        check_room(target, overwrite)
    missed, summaries = False, []
    for file, scenario, target in zip(files, scenarios, targets, strict=True):
        if not quiet and not as_json:
            print(f"sdesim: {scenario.name} {estimate(scenario).words}", file=sys.stderr, flush=True)
            if cluster is None:
                told_time = estimate(scenario, timed=True, threads=threads, page=False).time
                print(f"sdesim: {scenario.name}: {told_time}", file=sys.stderr, flush=True)
        going_on = interruptible(target, resuming(target, trust or ()))
        with going_on, labelled_progress(not quiet, transient=True) as told:
            try:
                summary = run_scenario(
                    scenario,
                    target,
                    overwrite=overwrite,
                    quick=quick,
                    threads=threads,
                    cluster=cluster,
                    progress=told,
                )
            except ScenarioError as error:
                # What only data or other runs tell is found when the lines of the file are gone.
                raise ScenarioError(f"{file}: {error}") from None
        missed |= _missed(summary, strict)
        summaries.append({**summary, "directory": str(target)})
        if not quiet and not as_json:
            if len(summaries) > 1:
                print()
            print_outcome(summary, target, verbose, strict)
    if as_json:
        print_json(summaries if len(summaries) > 1 else summaries[0])
    return missed


def resume(
    path: Annotated[
        str, typer.Argument(metavar="DIR|URL", help="What --out named.", autocompletion=complete_runs)
    ],
    accept_changes: AcceptOption = False,
    threads: ThreadsOption = None,
    cluster: ClusterOption = None,
    strict: StrictOption = False,
    trust: TrustOption = None,
    force: ForceOption = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Go on with an interrupted run where it stopped."""
    from sdesim.io.memory import forced
    from sdesim.io.places import place
    from sdesim.io.progress import MARK
    from sdesim.scenario import resume as resume_run

    target = place(path)
    begun = (target / MARK).exists()
    with interruptible(target, resuming(target, trust or ())), forced(force):
        summary = resume_run(
            target,
            threads=threads,
            cluster=read_cluster(cluster),
            progress=not quiet,
            trust=trust or (),
            accept_changes=accept_changes,
        )
    if not begun and not quiet:
        print(f"sdesim: {for_terminal(target)} is finished; there is nothing to do", file=sys.stderr)
    if as_json:
        print_json({**summary, "directory": str(path)})
    elif not quiet:
        print_outcome(summary, target, verbose, strict)
    raise typer.Exit(MISSED if _missed(summary, strict) else OK)


def _missed(summary: dict[str, Any], strict: bool) -> bool:
    outcomes = [e["outcome"] for e in summary["expectations"]]
    return "missed" in outcomes or (strict and "undecided" in outcomes)


def validate(
    files: FilesArgument,
    settings: SetOption = None,
    quick: QuickOption = False,
    trust: TrustOption = None,
    force: ForceOption = False,
    timed: Annotated[
        bool, typer.Option("--time", help="Run a short block of each arm, and tell how long a run takes.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check scenario files without running them; tell what a run takes."""
    from sdesim.io.memory import forced

    with forced(force):
        _validate(files, settings, quick, trust, timed, as_json, quiet)


def _validate(
    files: list[str], settings: list[str] | None, quick: bool, trust: list[str] | None, timed: bool,
    as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    from sdesim.errors import ScenarioError
    from sdesim.scenario import load_scenario
    from sdesim.scenario.checks.room import too_large
    from sdesim.scenario.load import read_scenario, refusal
    from sdesim.scenario.load import told as told_of

    overrides, trusted = read_overrides(settings), trust or ()
    found, wrong = [], dict[str, None]()
    points: dict[str, Any] = {}
    for f in files:
        try:
            found.append((f, load_scenario(f, overrides, quick, trusted)))
        except ScenarioError as error:
            wrong |= dict.fromkeys(str(error).split("\n"))
            # What only its other form has is told with it.
            try:
                if "quick" in read_scenario(f)[0]:
                    load_scenario(f, overrides, not quick, trusted)
            except ScenarioError as other:
                wrong |= dict.fromkeys(str(other).split("\n"))
    if wrong:
        raise refusal(list(wrong))
    for f, scenario in found:
        for small in {quick, bool(scenario.quick)}:
            whole = scenario if small == quick else load_scenario(f, overrides, small, trusted)
            if whole.sweep:
                from sdesim.scenario import load_sweep
                from sdesim.scenario.sweep.sizes import check_points, estimate_points

                sweep = load_sweep(f, overrides, small, trusted)
                if small == quick:
                    check_points(sweep.points, 1, Path(), f)
                    points[f] = (len(sweep.points), estimate_points(sweep.points))
    for f, scenario in found:
        if large := too_large(scenario, Path()):
            raise told_of(large, f)
    if quiet and not as_json:
        return
    from sdesim.scenario.estimate import estimate
    from sdesim.scenario.sizes import line, sizes

    told = [(f, s, sizes(s), estimate(s, timed)) for f, s in found]
    if as_json:
        print_json(
            [
                {"file": f, "name": s.name, "arms": list(s.arms), "trained": arms, "valid": True}
                | {"estimate": needed.plain()}
                | ({"points": points[f][0], "sweep_estimate": points[f][1].plain()} if f in points else {})
                for f, s, arms, needed in told
            ]
        )
        return
    console = make_console()
    for f, s, arms, needed in told:
        say(console, f"valid ({', '.join(s.arms)})", label=f"{f}: ")
        for name, arm in arms.items():
            say(console, line(arm), label=f"  {name}: ")
        say(console, needed.words, label="  ")
        if f in points:
            count, together = points[f]
            say(console, f"its sweep of {count} points {together.words}", label="  ")
