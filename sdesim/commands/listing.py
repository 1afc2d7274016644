"""The verb that lists the shipped scenarios and the runs at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sdesim.commands.options import JsonOption
from sdesim.commands.printing import columns, print_json
from sdesim.io.text import for_terminal


def list_scenarios(
    kinds: Annotated[
        bool, typer.Option("--kinds", help="List what the fields of a scenario may hold instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List shipped scenarios with their times, and the runs in ./runs."""
    if kinds:
        from sdesim.commands.explain import list_kinds

        list_kinds(as_json)
        return
    from sdesim.shipped import scenario_index, shipped_folder

    folder, index = shipped_folder("scenarios"), scenario_index()
    runs = run_directories()
    if as_json:
        scenarios = [{"name": n, **e, "file": str(folder / e["file"])} for n, e in index.items()]
        print_json({"scenarios": scenarios, "runs": runs})
        return
    name_width = max(map(len, index))
    time_width = max(len(e["time"]) for e in index.values())
    for number, group in enumerate(dict.fromkeys(e["group"] for e in index.values())):
        print(f"{chr(10) if number else ''}{group}")
        for name, e in index.items():
            if e["group"] == group:
                print(_cut(for_terminal(f"  {name:<{name_width}}  {e['time']:>{time_width}}  {e['line']}")))
    if runs:
        print("\nRuns")
    for r in runs:
        print(f"  {for_terminal(r['directory'])}{'' if r['complete'] else '  not finished'}")


def run_directories() -> list[dict[str, Any]]:
    """The run directories under ./runs and whether each is complete."""
    from sdesim.runs.watched import READINGS

    files = [p for name in ("scenario.yaml", READINGS) for p in Path("runs").glob(f"*/{name}")]
    return [
        {"directory": str(folder), "complete": not (folder / "INCOMPLETE").exists()}
        for folder in sorted(file.parent for file in files)
    ]


def _cut(line: str) -> str:
    """The line as far as a narrow terminal holds whole words of it."""
    width = columns()
    if width is None or len(line) <= width:
        return line
    return line[: width - 1].rpartition(" ")[0] + " …"
