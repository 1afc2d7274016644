"""The command line: parse, call, print. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from sdesim import __version__
from sdesim.errors import SdesimError

if TYPE_CHECKING:
    from rich.console import Console

OK, MISSED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 3
# What typer makes of a KeyboardInterrupt.
_CTRL_C = 130

app = typer.Typer(
    name="sdesim",
    help="Simulate the Langevin-Levy SDE of training, train the real network beside it, measure both alike.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a field, as in arms.sde.simulate.dt=1e-3."),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Apply the file's own small sizes.")]
FilesArgument = Annotated[
    list[str], typer.Argument(metavar="FILE|NAME...", help="Scenario files or shipped names.")
]


def main() -> None:
    """Entry point: errors of the user become one line and exit code 2, an interruption 3."""
    try:
        code = app(standalone_mode=False)
    except SdesimError as error:
        _fail(str(error), BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        code = _CTRL_C
    except OSError as error:
        _fail(str(error), BAD_INPUT)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        _fail(error.format_message(), BAD_INPUT)
    if code == _CTRL_C:
        _fail("interrupted; a directory that was being written stays marked INCOMPLETE", INTERRUPTED)
    sys.exit(code)


def _fail(message: str, code: int) -> NoReturn:
    if message:
        print(f"sdesim: {message}", file=sys.stderr)
    sys.exit(code)


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def _overrides(settings: list[str] | None) -> dict[str, str]:
    from sdesim.errors import ScenarioError

    found: dict[str, str] = {}
    for item in settings or []:
        path, sign, value = item.partition("=")
        if not sign or not path.strip():
            raise ScenarioError(f"--set: found {item!r}, allowed: PATH=VALUE")
        found[path.strip()] = value
    return found


def _print_json(value: Any) -> None:
    from sdesim.runs import to_json

    print(to_json(value), end="")


@app.command()
def run(
    files: FilesArgument,
    settings: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Run directory; default runs/NAME.")] = None,
    quick: QuickOption = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing run directory.")
    ] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of simulated arms; default all.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Count undecided expectations as missed.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run scenarios: simulate, train, measure, compare, report."""
    from sdesim.errors import ScenarioError
    from sdesim.scenario import check_room, load_scenario, run_scenario

    overrides = _overrides(settings)
    scenarios = [load_scenario(f, overrides, quick) for f in files]
    if out is not None and len(scenarios) > 1:
        raise ScenarioError("--out names one run directory, but several scenarios are given")
    targets = [out if out is not None else Path("runs") / s.name for s in scenarios]
    if len(set(targets)) < len(targets):
        raise ScenarioError("two of the scenarios have the same name, so they need separate calls with --out")
    for target in targets:
        check_room(target, overwrite)
    missed, summaries = False, []
    for scenario, target in zip(scenarios, targets, strict=True):
        summary = run_scenario(
            scenario, target, overwrite=overwrite, quick=quick, threads=threads, progress=not quiet
        )
        outcomes = [e["outcome"] for e in summary["expectations"]]
        missed |= "missed" in outcomes or (strict and "undecided" in outcomes)
        summaries.append({**summary, "directory": str(target)})
        if not quiet and not as_json:
            _print_outcome(summary, target)
    if as_json:
        _print_json(summaries if len(summaries) > 1 else summaries[0])
    raise typer.Exit(MISSED if missed else OK)


def _print_outcome(summary: dict[str, Any], target: Path) -> None:
    console = _console()
    for c in summary["comparisons"]:
        console.print(f"\n[bold]{c['simulated']}[/bold] against [bold]{c['real']}[/bold]")
        for line in c["verdicts"]:
            console.print(f"  {line}", markup=False, soft_wrap=True)
    _print_expectations(console, summary["expectations"])
    for warning in summary["warnings"]:
        console.print(f"warning: {warning}", style="yellow", markup=False)
    console.print(
        f"\n{summary['wall_time']:.1f} s; report: {target / 'report.html'}", markup=False, soft_wrap=True
    )


def _print_expectations(console: Console, expectations: list[dict[str, Any]]) -> None:
    if not expectations:
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="Expectations", title_justify="left")
    for heading in ("outcome", "arm", "quantity", "asked", "found"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "outcome")
    colours = {"met": "green", "missed": "red", "undecided": "yellow"}
    for e in expectations:
        style = colours[e["outcome"]]
        found = _interval(e["value"], e["low"], e["high"])
        name = e["quantity"] if e["at"] == "end" else f"{e['quantity']} at {e['at']}"
        cells = (e["arm"], name, e["condition"], found)
        table.add_row(f"[{style}]{e['outcome']}[/{style}]", *map(escape, cells))
    console.print(table)


def _interval(value: Any, low: Any, high: Any) -> str:
    def number(x: Any) -> str:
        return "–" if x is None or x != x else x if isinstance(x, str) else f"{x:.4g}"

    return number(value) if low is None or low != low else f"{number(value)} [{number(low)}, {number(high)}]"


@app.command()
def validate(
    files: FilesArgument,
    settings: SetOption = None,
    quick: QuickOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check scenario files without running them."""
    from sdesim.scenario import load_scenario

    overrides = _overrides(settings)
    found = [(f, load_scenario(f, overrides, quick)) for f in files]
    for f, scenario in found:
        if scenario.quick:
            load_scenario(f, overrides, quick=True)
    if as_json:
        _print_json([{"file": f, "name": s.name, "arms": list(s.arms), "valid": True} for f, s in found])
    elif not quiet:
        for f, s in found:
            print(f"{f}: valid ({', '.join(s.arms)})")


@app.command("list")
def list_scenarios(as_json: JsonOption = False) -> None:
    """List the shipped scenarios, and the run directories under ./runs."""
    from sdesim.scenario import load_scenario, shipped_scenarios

    scenarios = [
        {"name": n, "file": str(p), "description": load_scenario(p).description}
        for n, p in shipped_scenarios().items()
    ]
    folders = sorted(Path("runs").glob("*/scenario.yaml")) if Path("runs").is_dir() else []
    runs = [{"directory": str(f.parent), "complete": not (f.parent / "INCOMPLETE").exists()} for f in folders]
    if as_json:
        _print_json({"scenarios": scenarios, "runs": runs})
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    for s in scenarios:
        table.add_row(s["name"], " ".join(str(s["description"]).split()))
    console = _console()
    console.print(table)
    for r in runs:
        state = "" if r["complete"] else " (incomplete)"
        console.print(f"run {r['directory']}{state}", markup=False)


@app.command()
def show(path: Annotated[Path, typer.Argument(metavar="RUN")], as_json: JsonOption = False) -> None:
    """Show a run directory, or one stored run (.zarr)."""
    from sdesim.errors import RunError
    from sdesim.runs import open_run

    summary_file = path / "summary.json"
    if summary_file.exists():
        try:
            summary = json.loads(summary_file.read_text(encoding="utf-8"))
            if as_json:
                _print_json(summary)
            else:
                _show_summary(summary, path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{summary_file} is not the summary of a run: {error}") from None
    elif (path / "scenario.yaml").exists():
        _show_unfinished(path, as_json)
    else:
        run = open_run(path)
        if as_json:
            _print_json({"sizes": dict(run.sizes), "variables": list(run.data_vars), "attributes": run.attrs})
        else:
            print(run)


def _show_unfinished(path: Path, as_json: bool) -> None:
    """Which arms an interrupted run directory holds, and which of them are whole."""
    from sdesim.runs import open_runs

    stored = open_runs(path) if any(path.glob("*.zarr")) else {}
    arms = {name: bool(run.attrs["complete"]) for name, run in stored.items()}
    if as_json:
        _print_json({"complete": False, "arms": arms})
        return
    print(f"{path} was not finished")
    for name, whole in arms.items():
        print(f"  {name}: {'whole' if whole else 'not finished'}")


def _show_summary(summary: dict[str, Any], path: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    console = _console()
    console.print(f"[bold]{summary['name']}[/bold] (seed {summary['seed']})")
    console.print(" ".join(str(summary["description"]).split()), markup=False)
    arms = summary["arms"]
    for name, arm in arms.items():
        counts = ", ".join(f"{n} {k}" for k, n in arm["status"].items() if n)
        console.print(f"  {name}: {arm['label']}; {arm['steps']:,} steps; {counts}", markup=False)
    table = Table(title=escape("At the end: mean over trajectories [interval]"), title_justify="left")
    table.add_column("quantity")
    for name in arms:
        table.add_column(name, overflow="fold")
    for key in dict.fromkeys(k for a in arms.values() for k in a["end"]):
        cells = [a["end"].get(key) for a in arms.values()]
        shown = ["" if c is None else _interval(c["value"], c["low"], c["high"]) for c in cells]
        table.add_row(key, *map(escape, shown))
    console.print(table)
    _print_expectations(console, summary["expectations"])
    console.print(f"report: {path / 'report.html'}", markup=False, soft_wrap=True)


@app.command()
def schema(
    of_run: Annotated[bool, typer.Option("--run", help="The schema of stored runs instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the JSON Schema of scenario files, or the schema of runs."""
    if of_run:
        from dataclasses import asdict

        from sdesim.runs import SCHEMA_VERSION, VARIABLES

        _print_json({"version": SCHEMA_VERSION, "variables": {k: asdict(v) for k, v in VARIABLES.items()}})
    else:
        from sdesim.scenario import Scenario

        _print_json(Scenario.model_json_schema())


@app.command()
def compare(
    simulated: Annotated[str, typer.Argument(metavar="SIMULATED", help="A .zarr, or RUN:ARM.")],
    real: Annotated[str, typer.Argument(metavar="REAL", help="A .zarr, or RUN:ARM.")],
    as_json: JsonOption = False,
) -> None:
    """Compare a simulated run with a real one."""
    from sdesim.comparison import compare as compare_runs

    found = compare_runs(_named_run(simulated), _named_run(real))
    if as_json:
        _print_json(found.to_dict())
        return
    for line in (*found.verdicts, *found.notes):
        print(line)


def _named_run(text: str) -> Any:
    from sdesim.runs import open_run

    folder, sign, arm = text.rpartition(":")
    if sign and not Path(text).exists():
        return open_run(Path(folder) / f"{arm}.zarr")
    return open_run(text)


@app.command()
def report(path: Annotated[Path, typer.Argument(metavar="RUN")], as_json: JsonOption = False) -> None:
    """Draw the figures and write the HTML page of a run directory anew."""
    from sdesim.report import write_report

    page = write_report(path)
    if as_json:
        _print_json({"report": str(page)})
    else:
        print(page)


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="A quarter of the steps, a third of the rounds.")
    ] = False,
    only: Annotated[
        str, typer.Option("--only", metavar="LETTERS", help="Problems, as in A,C.")
    ] = "A,B,C,D,E,F,G",
    peers: Annotated[bool, typer.Option(help="Time other packages too, each in its own environment.")] = True,
    out: Annotated[Path, typer.Option("--out", help="Folder of table, data and figure.")] = Path(
        "runs/bench"
    ),
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Time sdesim beside its peers and beside C, in one interleaved run."""
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
        _print_json(found)
    elif not quiet:
        print((out / "table.md").read_text(encoding="utf-8"), end="")


@app.command()
def calibrate(
    estimators: Annotated[
        list[str] | None, typer.Argument(metavar="[ESTIMATOR...|all]", help="Names; default all.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="An eighth of the replications, no largest sizes.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder of table, data and figures; default none.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes that share the work; default all cores.")
    ] = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Hold the estimators against known answers: bias, coverage of their intervals, false alarms."""
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
        _print_json(found.to_dict())
    elif not quiet:
        found.show(_console())
    raise typer.Exit(OK if found.holds else MISSED)


@app.command()
def claims(
    only: Annotated[str | None, typer.Option("--only", metavar="IDS", help="As in C1,C5-C9.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes: a run through, no verdicts.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    out: Annotated[Path, typer.Option("--out", help="Folder of records, figures and page.")] = Path(
        "runs/claims"
    ),
    workers: Annotated[int, typer.Option("--workers", min=1, help="Processes that share the work.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the claims that the folder holds already.")
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Put the claims of the theory to the test: a small study and a verdict for each."""
    from sdesim.shipped import study

    ledger = study("claims")
    silent = quiet or as_json

    def tell(record: dict[str, Any], done: int, total: int) -> None:
        if not silent:
            spent = f" ({record['seconds']:.1f} s)" if "seconds" in record else ""
            print(f"{done}/{total} {record['id']}: {record['verdict']}{spent}", file=sys.stderr, flush=True)

    try:
        found = ledger.run_claims(only, quick, seed, out, workers, resume, tell)
    except KeyboardInterrupt:
        print(f"sdesim: {out} keeps what was finished; --resume runs the rest", file=sys.stderr)
        raise
    if as_json:
        _print_json(found.to_dict())
    elif not quiet:
        console = _console()
        ledger.show(console, found.records)
        console.print(f"page: {out / 'index.html'}", markup=False, soft_wrap=True)
    raise typer.Exit(MISSED if found.errors else OK)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
