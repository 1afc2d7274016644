"""Verbs that read what was run: show, compare, report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdesim.commands.options import JsonOption, VerboseOption, complete_runs
from sdesim.commands.outcome import print_arms, print_outcome, times
from sdesim.commands.printing import interval, make_console, print_json, print_table, say
from sdesim.commands.sweep import print_sweep
from sdesim.commands.watched import look_at_training, show_recorded, show_training
from sdesim.io.text import for_terminal, lines_for_terminal

if TYPE_CHECKING:
    from sdesim.io.places import Place


def show(
    where: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run directory, a .zarr, or the URL of either.",
            autocompletion=complete_runs,
        ),
    ],
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a run came to, with its values; or one stored run."""
    from sdesim.io.files import content_of, read_json
    from sdesim.io.places import local, place
    from sdesim.runs import open_run
    from sdesim.runs.watched import is_watched

    path = place(where)
    if is_watched(path):
        path = local(path, "a monitored training")
        if as_json:
            state = look_at_training(path)
            print_json({name: value for name, value in state.items() if name != "history"})
        else:
            show_training(path)
        return
    summary_file = path / "summary.json"
    if summary_file.exists():
        summary = read_json(summary_file)
        with content_of(summary_file):
            if as_json:
                print_json(summary)
            elif "axes" in summary:
                print_sweep(summary, local(path, "a sweep"))
            else:
                _show_summary(summary, path, verbose)
    elif (path / "scenario.yaml").exists():
        _show_unfinished(path, as_json)
    else:
        run = open_run(path)
        if as_json:
            print_json({"sizes": dict(run.sizes), "variables": list(run.data_vars), "attributes": run.attrs})
        else:
            if run.attrs["kind"] == "real" and "probe" in run.dims and not verbose:
                show_recorded(run)
            else:
                print(lines_for_terminal(run))
            if "probe_share" in run.attrs:
                every, share = run.attrs["probe_every"], run.attrs["probe_share"]
                print(f"Probes every {every:,} steps took {times(share)} the training")


def _show_unfinished(path: Place, as_json: bool) -> None:
    """Which arms an interrupted run directory holds, and which of them are whole."""
    from sdesim.runs import open_runs

    stored = open_runs(path) if any(path.glob("*.zarr")) else {}
    arms = {name: bool(run.attrs["complete"]) for name, run in stored.items()}
    if as_json:
        print_json({"complete": False, "arms": arms})
        return
    hint = "sdesim sweep … --resume" if (path / "points").is_dir() else f"sdesim resume {path}"
    console = make_console()
    told = f"{path} is not finished; sdesim watch {path} says how far it is, {hint} goes on with it"
    say(console, told)
    for name, whole in arms.items():
        say(console, "whole" if whole else "not finished", label=f"  {name}: ")


def _show_summary(summary: dict[str, Any], path: Place, verbose: bool) -> None:
    console, arms = make_console(), summary["arms"]
    say(console, f"seed {summary['seed']}", label=f"{summary['name']}: ", label_style="bold")
    say(console, " ".join(str(summary["description"]).split()))
    if not verbose:
        print_arms(console, arms)
    for part, title in (
        ("whole", "Over the run [interval]"),
        ("end", "At the end: mean over trajectories [interval]"),
    ):
        # Shares of phases are three rows for each reading of them; the report draws them.
        keys = dict.fromkeys(k for a in arms.values() for k in a[part] if not k.startswith("phase_"))
        rows = [[key, *(_cell(a[part].get(key)) for a in arms.values())] for key in keys]
        if rows:
            console.print(f"\n{title}", style="bold")
            print_table(["", *arms], rows)
    _show_reduced(console, arms)
    console.print()
    print_outcome(summary, path, verbose)


def _show_reduced(console: Any, arms: dict[str, Any]) -> None:
    """What arms keep of all their trajectories together."""
    found = {name: arm["reduced"] for name, arm in arms.items() if "reduced" in arm}
    keys = dict.fromkeys(key for r in found.values() for key in r["values"])
    rows = [[key, *(_cell(r["values"].get(key)) for r in found.values())] for key in keys]
    if rows:
        title = "Reductions at the end: all trajectories that are left [interval]"
        console.print(f"\n{title}", style="bold")
        print_table(["", *found], rows)
    for name, r in found.items():
        ended = f", {r['stopped']:,} stopped and {r['lost']:,} lost" if r["stopped"] or r["lost"] else ""
        say(console, f"{', '.join(r['kinds'])} of {r['live']:,} trajectories{ended}", label=f"  {name}: ")


def _cell(found: dict[str, Any] | None) -> str:
    """The value with its interval; the bound where that alone is known."""
    if found is None:
        return ""
    if found["value"] is None and isinstance(found["low"], int | float):
        return f"above {found['low']:.4g}"
    return interval(found["value"], found["low"], found["high"], 3)


def compare(
    simulated: Annotated[str, typer.Argument(metavar="SIMULATED", help="A .zarr, or RUN:ARM.")],
    real: Annotated[str, typer.Argument(metavar="REAL", help="A .zarr, or RUN:ARM.")],
    margin: Annotated[
        float,
        typer.Option(
            metavar="SPREADS", help="Within which distance, in spreads of the real seeds, arms are equal."
        ),
    ] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Compare a simulated run with a real one."""
    from sdesim.comparison import compare as compare_runs

    found = compare_runs(_named_run(simulated), _named_run(real), margin=margin)
    if as_json:
        print_json(found.to_dict())
        return
    console = make_console()
    for line in found.verdicts:
        name, _, verdict = line.partition(": ")
        say(console, verdict, label=f"{name}: ", label_style="bold")
    for note in found.notes:
        say(console, note)


def _named_run(text: str) -> Any:
    from sdesim.io.places import place
    from sdesim.runs import open_run

    folder, sign, arm = text.rpartition(":")
    if sign and not arm.startswith("//") and not place(text).exists():
        return open_run(place(folder) / f"{arm}.zarr")
    return open_run(text)


def _is_training(path: Place) -> bool:
    """Whether it is a training alone: a monitor's folder, or a stored run that is no arm of a scenario."""
    from sdesim.runs.watched import is_watched

    if is_watched(path):
        return True
    if any((path / name).exists() for name in ("scenario.yaml", "summary.json", "table.json")):
        return False
    return (path / "zarr.json").exists() or len(list(path.glob("*.zarr"))) == 1


def report(
    where: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A run directory, or its URL.", autocompletion=complete_runs),
    ],
    as_json: JsonOption = False,
) -> None:
    """Write the page of a run, a sweep or a monitored training anew."""
    from sdesim.io.places import local, place
    from sdesim.report import write_monitor_report, write_report

    path = place(where)
    page: Place
    if _is_training(path):
        page = write_monitor_report(local(path, "a monitored training"))
    else:
        from sdesim.scenario.grounds import grounds_of

        page = write_report(path, grounds=grounds_of(path))
    if as_json:
        print_json({"report": str(page)})
    else:
        print(for_terminal(page))
