"""The table of verbs; each is imported, and its options are read, when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

# Part of the help → verb → module below `sdesim.commands` and function, in the order of the help.
_PARTS = {
    "Run": {
        "run": "run.run",
        "watch": "watch.watch",
        "resume": "run.resume",
        "rerun": "rerun.rerun",
        "sweep": "sweep.sweep",
    },
    "Write a scenario": {
        "list": "listing.list_scenarios",
        "new": "new.new",
        "explain": "explain.explain",
        "validate": "run.validate",
        "schema": "schema.schema",
    },
    "Read what was run": {
        "show": "show.show",
        "advise": "advise.advise",
        "report": "show.report",
        "compare": "show.compare",
    },
    "Studies": {
        "claims": "study.claims",
        "calibrate": "study.calibrate",
        "bench": "study.bench",
    },
    "This installation": {
        "doctor": "doctor.doctor",
        "version": "version.version",
    },
}
_HOMES = {verb: home for verbs in _PARTS.values() for verb, home in verbs.items()}
# What is left of the 78 columns of a help text beside the longest verb.
_LINE = 65


class _Verb(TyperCommand):
    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The arguments of the usage line, without the braces around those that must be given."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def get_params(self, ctx: Any) -> Any:
        """Options and arguments, as the help shows them."""
        return [_plainly(p) for p in super().get_params(ctx)]


class _Verbs(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: dict[str, Any] = dict.fromkeys(_HOMES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb of that name, None if there is none."""
        if cmd_name in self.commands and self.commands[cmd_name] is None:
            home = _HOMES[cmd_name]
            module, _, function = home.partition(".")
            alone = typer.Typer(add_completion=False, rich_markup_mode=None)
            alone.command(cmd_name, cls=_Verb)(getattr(import_module(f"sdesim.commands.{module}"), function))
            self.commands[cmd_name] = typer.main.get_command(alone)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The verbs of each part, a line each."""
        widest = max(map(len, _HOMES))
        for part, verbs in _PARTS.items():
            with formatter.section(part):
                formatter.write_dl(
                    [(f"{v:<{widest}}", self.get_command(ctx, v).get_short_help_str(_LINE)) for v in verbs]
                )

    def get_params(self, ctx: Any) -> Any:
        """As those of a verb."""
        return [_plainly(p) for p in super().get_params(ctx)]


def _plainly(param: Any) -> Any:
    """A flag without a type; an argument without one, its help says what it is.

    A flag's default is False: to check the None of one without, typer would import pydantic.
    """
    if getattr(param, "is_flag", False):
        param.metavar = ""
        param.default = bool(param.default)
    if param.param_type_name == "argument":
        param.display_type_rich = lambda ctx: ""
    return param


app = typer.Typer(
    name="sdesim",
    cls=_Verbs,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def sdesim(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Simulate the Langevin-Levy SDE of training, train the real network beside it, measure both alike."""
    if version:
        from sdesim.commands.version import version as print_version

        print_version()
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        from sdesim.commands.welcome import welcome

        welcome()
