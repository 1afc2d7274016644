"""The verb that begins a scenario file of one's own from another: new."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from sdesim.commands.options import JsonOption, QuietOption, complete_scenarios
from sdesim.commands.printing import print_json, print_rows
from sdesim.io.text import for_terminal

SCHEMA = "sdesim.schema.json"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the scenario; its file is NAME.yaml.")],
    like: Annotated[
        str,
        typer.Option(
            "--like",
            metavar="SCENARIO",
            help="What to begin from: a shipped name, or a file.",
            autocompletion=complete_scenarios,
        ),
    ] = "double-well-escape",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a commented scenario to edit, and a schema for editors."""
    from sdesim.errors import ScenarioError
    from sdesim.io.files import atomic_write_text, to_json
    from sdesim.scenario.load import parse_scenario, read_scenario
    from sdesim.scenario.schema import scenario_schema

    name = name.removesuffix(".yaml")
    target, schema = Path(f"{name}.yaml"), Path(SCHEMA)
    if target.exists():
        raise ScenarioError(f"{target} exists already; choose another name, or remove it")
    original, source = read_scenario(like)
    text, renamed = re.subn(r"^name:.*$", f"name: {name}", original, count=1, flags=re.MULTILINE)
    if not renamed:
        raise ScenarioError(f"{source}: found no line that begins with name:, so it can't be renamed")
    quick = " --quick" if re.search(r"^quick:", text, re.MULTILINE) else ""
    head = _head(name, source.removesuffix(".yaml"), text, quick)
    parse_scenario(head + text, str(target))
    wanted = to_json(scenario_schema())
    old = schema.exists()
    stale = old and schema.read_text(encoding="utf-8") != wanted
    if not old:
        atomic_write_text(schema, wanted)
    # At last: with it the verb is done, and where the disk refused the schema it is called again.
    atomic_write_text(target, head + text)
    if as_json:
        print_json({"file": str(target), "schema": SCHEMA, "schema_differs": stale})
    elif not quiet:
        also = "" if old else f" and {SCHEMA}, by which editors check and complete it"
        print(f"wrote {for_terminal(target)}{also}")
        if stale:
            print(f"{SCHEMA} differs from this version's; sdesim schema > {SCHEMA} renews it")
        print_rows(
            [(f"sdesim run {target}{quick}", "its small sizes, in seconds" if quick else "")], indent=2
        )


def _head(name: str, like: str, text: str, quick: str) -> str:
    """Comments to stand above the scenario: its schema, and what to do with it."""
    # The first kind that is named serves as the example.
    kind = re.search(r"kind: ([\w-]+)", text)
    rows = [
        (f"sdesim validate {name}.yaml", "file, line, field, what was found, what is allowed"),
        (
            f"sdesim run {name}.yaml{quick}",
            "the small sizes at its end" if quick else "simulate, train, report",
        ),
        (f"sdesim explain {kind[1] if kind else 'KIND'}", "a kind with its fields and their bounds"),
    ]
    widest = max(len(command) for command, _ in rows)
    lines = [
        f"# yaml-language-server: $schema={SCHEMA}",
        f"# {name}, begun from {like}, whose own comments stand below.",
        *(f"#   {command:<{widest}}  {text}" for command, text in rows),
        "# What it expects was asked of the original: change it along with what you change.",
    ]
    return "\n".join([*lines, "", ""])
