"""Verbs that run scenarios or check their files: run, resume, validate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from sdesim.scenario.models import Scenario


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
    from sdesim.scenario.checks.start import RefusedStart
    from sdesim.scenario.estimate import estimate
    from sdesim.scenario.load import placed

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
    shared = 0 if quiet or as_json else _workers_of(cluster)
    for file, scenario, target in zip(files, scenarios, targets, strict=True):
        if not quiet and not as_json:
            print(f"sdesim: {scenario.name} {estimate(scenario).words}", file=sys.stderr, flush=True)
            told_time = estimate(scenario, timed=True, threads=threads, page=False, workers=shared).time
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
            except RefusedStart as error:
                raise placed(error.problems, file, overrides, quick) from None
            except ScenarioError as error:
                # What the room on the disk tells is found when the lines of the file are gone.
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
    cluster: ClusterOption = None,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Processes that share the points of a sweep.")
    ] = 1,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check scenario files without running them; tell what a run takes."""
    from sdesim.io.memory import forced, spread

    shared = read_cluster(cluster)
    with forced(force), spread(shared):
        _validate(files, settings, quick, trust, timed, shared, workers, as_json, quiet)


def _validate(
    files: list[str], settings: list[str] | None, quick: bool, trust: list[str] | None, timed: bool,
    cluster: str | int | None, workers: int, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    from sdesim.scenario.checks.room import too_large
    from sdesim.scenario.load import told as told_of

    overrides, trusted = read_overrides(settings), trust or ()
    forms = _checked_forms(files, overrides, quick, trusted)
    found = [(f, forms[f, quick]) for f in dict.fromkeys(files)]
    points: dict[str, Any] = {}
    for (f, small), whole in forms.items():
        if whole.sweep:
            from sdesim.scenario import load_sweep
            from sdesim.scenario.sweep.sizes import check_points, estimate_points, seconds_of_points

            sweep = load_sweep(f, overrides, small, trusted)
            if small == quick:
                check_points(sweep.points, workers, Path(), f)
                points[f] = sweep.points
    for f, scenario in found:
        if large := too_large(scenario, Path()):
            raise told_of(large, f)
    if quiet and not as_json:
        return
    from sdesim.scenario.estimate import estimate
    from sdesim.scenario.estimate import spent as told_time
    from sdesim.scenario.sizes import line, sizes

    shared = _workers_of(cluster) if timed else 0
    told = [(f, s, sizes(s), estimate(s, timed, workers=shared)) for f, s in found]
    swept = {
        f: (len(p), estimate_points(p, workers), seconds_of_points(p, workers) if timed else None)
        for f, p in points.items()
    }
    if as_json:
        print_json(
            [
                {"file": f, "name": s.name, "arms": list(s.arms), "trained": arms, "valid": True}
                | {"estimate": needed.plain()}
                | (_plain(*swept[f]) if f in swept else {})
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
        if f in swept:
            count, together, time = swept[f]
            about = "" if time is None else f", about {told_time(time)}"
            say(console, f"its sweep of {count} points {together.words}{about}", label="  ")


def _plain(count: int, needed: Any, seconds: float | None) -> dict[str, Any]:
    """What a sweep takes, as plain data."""
    times = {} if seconds is None else {"seconds": seconds}
    return {"points": count, "sweep_estimate": needed.plain() | times}


def _workers_of(cluster: str | int | None) -> int:
    """How many workers share an arm; 0 without a cluster."""
    if cluster is None:
        return 0
    from sdesim.engine.cluster.clients import workers_of

    return workers_of(cluster)


def _checked_forms(
    files: list[str], overrides: dict[str, str], quick: bool, trust: Sequence[str]
) -> dict[tuple[str, bool], Scenario]:  # fmt: skip
    """The scenarios of all files, as they are and with their small sizes, each checked as a run does it.

    Raises:
        ScenarioError: a line for each thing that is wrong in any of them.
    """
    from sdesim.errors import ScenarioError
    from sdesim.scenario import load_scenario
    from sdesim.scenario.checks.start import start_problems
    from sdesim.scenario.load import placed, read_scenario, refusal

    forms: dict[tuple[str, bool], Scenario] = {}
    wrong = dict[str, None]()

    def check(f: str, small: bool) -> None:
        whole = load_scenario(f, overrides, small, trust)
        if refused := start_problems(whole, drawn=False):
            raise placed(refused, f, overrides, small)
        forms[f, small] = whole

    for f in dict.fromkeys(files):
        try:
            check(f, quick)
        except ScenarioError as error:
            wrong |= dict.fromkeys(str(error).split("\n"))
        try:
            # What only its other form has is told with it.
            known = forms.get((f, quick))
            if "quick" in read_scenario(f)[0] if known is None else known.quick and not quick:
                check(f, not quick)
        except ScenarioError as error:
            wrong |= dict.fromkeys(str(error).split("\n"))
    if wrong:
        raise refusal(list(wrong))
    return forms
