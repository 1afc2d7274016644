"""The table of verbs; each is imported, and its options are read, when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# Verb → module below `sdesim.commands` and function, in the order of the help.
_HOMES = {
    "run": "run.run",
    "resume": "run.resume",
    "validate": "run.validate",
    "sweep": "sweep.sweep",
    "list": "run.list_scenarios",
    "show": "show.show",
    "explain": "explain.explain",
    "schema": "show.schema",
    "compare": "show.compare",
    "report": "show.report",
    "bench": "study.bench",
    "calibrate": "study.calibrate",
    "claims": "study.claims",
    "version": "version.version",
}


class _Verb(TyperCommand):
    def get_help_option(self, ctx: Any) -> Any:
        """--help with a flag's default: to check the None of one without, typer would import pydantic."""
        return _defaulting_to_false(super().get_help_option(ctx))


class _Verbs(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: dict[str, Any] = dict.fromkeys(_HOMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of that name, None if there is none."""
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            module, _, function = _HOMES[cmd_name].partition(".")
            alone = typer.Typer(add_completion=False)
            alone.command(cmd_name, cls=_Verb)(getattr(import_module(f"sdesim.commands.{module}"), function))
            self.commands[cmd_name] = typer.main.get_command(alone)
        return self.commands.get(cmd_name)

    def get_help_option(self, ctx: Any) -> Any:
        """As that of a verb."""
        return _defaulting_to_false(super().get_help_option(ctx))


def _defaulting_to_false(option: Any) -> Any:
    if option is not None:
        option.default = False
    return option


app = typer.Typer(
    name="sdesim",
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def sdesim() -> None:
    """Simulate the Langevin-Levy SDE of training, train the real network beside it, measure both alike."""
