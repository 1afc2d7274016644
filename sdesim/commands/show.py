"""Verbs that read what was run: show, compare, report; and the schemas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sdesim.commands.options import (
    JsonOption,
    interval,
    make_console,
    print_expectations,
    print_json,
)
from sdesim.commands.sweep import print_sweep


def show(path: Annotated[Path, typer.Argument(metavar="RUN")], as_json: JsonOption = False) -> None:
    """Show a run directory, or one stored run (.zarr)."""
    from sdesim.errors import RunError
    from sdesim.runs import open_run

    summary_file = path / "summary.json"
    if summary_file.exists():
        try:
            summary = json.loads(summary_file.read_text(encoding="utf-8"))
            if as_json:
                print_json(summary)
            elif "axes" in summary:
                print_sweep(summary, path)
            else:
                _show_summary(summary, path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{summary_file} is not the summary of a run: {error}") from None
    elif (path / "scenario.yaml").exists():
        _show_unfinished(path, as_json)
    else:
        run = open_run(path)
        if as_json:
            print_json({"sizes": dict(run.sizes), "variables": list(run.data_vars), "attributes": run.attrs})
        else:
            print(run)
            if "probe_share" in run.attrs:
                every, share = run.attrs["probe_every"], run.attrs["probe_share"]
                print(f"Probes every {every:,} steps took {share:.1%} of the training")


def _show_unfinished(path: Path, as_json: bool) -> None:
    """Which arms an interrupted run directory holds, and which of them are whole."""
    from sdesim.runs import open_runs

    stored = open_runs(path) if any(path.glob("*.zarr")) else {}
    arms = {name: bool(run.attrs["complete"]) for name, run in stored.items()}
    if as_json:
        print_json({"complete": False, "arms": arms})
        return
    hint = "sdesim sweep … --resume" if (path / "points").is_dir() else f"sdesim resume {path}"
    print(f"{path} was not finished; {hint} goes on with it")
    for name, whole in arms.items():
        print(f"  {name}: {'whole' if whole else 'not finished'}")


def _show_summary(summary: dict[str, Any], path: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = make_console()
    console.print(f"[bold]{summary['name']}[/bold] (seed {summary['seed']})")
    console.print(" ".join(str(summary["description"]).split()), markup=False)
    arms = summary["arms"]
    for name, arm in arms.items():
        counts = ", ".join(f"{n} {k}" for k, n in arm["status"].items() if n)
        cost = f"; probes took {share:.1%} of the training" if (share := arm.get("probe_share")) else ""
        console.print(f"  {name}: {arm['label']}; {arm['steps']:,} steps; {counts}{cost}", markup=False)
    table = Table(title=escape("At the end: mean over trajectories [interval]"), title_justify="left")
    table.add_column("quantity")
    for name in arms:
        table.add_column(name, overflow="fold")
    for key in dict.fromkeys(k for a in arms.values() for k in a["end"]):
        cells = [a["end"].get(key) for a in arms.values()]
        shown = ["" if c is None else interval(c["value"], c["low"], c["high"]) for c in cells]
        table.add_row(key, *map(escape, shown))
    console.print(table)
    print_expectations(console, summary["expectations"])
    console.print(f"report: {path / 'report.html'}", markup=False, soft_wrap=True)


def schema(
    of_run: Annotated[bool, typer.Option("--run", help="The schema of stored runs instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the JSON Schema of scenario files, or the schema of runs."""
    if of_run:
        from dataclasses import asdict

        from sdesim.runs import SCHEMA_VERSION, VARIABLES

        print_json({"version": SCHEMA_VERSION, "variables": {k: asdict(v) for k, v in VARIABLES.items()}})
    else:
        from sdesim.scenario.schema import scenario_schema

        print_json(scenario_schema())


def compare(
    simulated: Annotated[str, typer.Argument(metavar="SIMULATED", help="A .zarr, or RUN:ARM.")],
    real: Annotated[str, typer.Argument(metavar="REAL", help="A .zarr, or RUN:ARM.")],
    as_json: JsonOption = False,
) -> None:
    """Compare a simulated run with a real one."""
    from sdesim.comparison import compare as compare_runs

    found = compare_runs(_named_run(simulated), _named_run(real))
    if as_json:
        print_json(found.to_dict())
        return
    for line in (*found.verdicts, *found.notes):
        print(line)


def _named_run(text: str) -> Any:
    from sdesim.runs import open_run

    folder, sign, arm = text.rpartition(":")
    if sign and not Path(text).exists():
        return open_run(Path(folder) / f"{arm}.zarr")
    return open_run(text)


def report(path: Annotated[Path, typer.Argument(metavar="RUN")], as_json: JsonOption = False) -> None:
    """Draw the figures and write the HTML page of a run directory anew."""
    from sdesim.report import write_report

    page = write_report(path)
    if as_json:
        print_json({"report": str(page)})
    else:
        print(page)
