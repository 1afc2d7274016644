"""The verb that prints the schemas of scenario files and of stored runs."""

from __future__ import annotations

from typing import Annotated

import typer

from sdesim.commands.options import JsonOption
from sdesim.commands.printing import print_json


def schema(
    of_run: Annotated[bool, typer.Option("--run", help="The schema of stored runs instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the JSON Schema of scenario files, or that of runs."""
    if of_run:
        from dataclasses import asdict

        from sdesim.runs import SCHEMA_VERSION, VARIABLES

        print_json({"version": SCHEMA_VERSION, "variables": {k: asdict(v) for k, v in VARIABLES.items()}})
    else:
        from sdesim.scenario.schema import scenario_schema

        print_json(scenario_schema())
