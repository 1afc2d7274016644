"""The command line: parse, call, print. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from sdesim import __version__
from sdesim.commands import explain, run, show, study, sweep
from sdesim.commands.options import BAD_INPUT, INTERRUPTED
from sdesim.errors import SdesimError

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
app.command()(run.run)
app.command()(run.resume)
app.command()(run.validate)
app.command()(sweep.sweep)
app.command("list")(run.list_scenarios)
app.command()(show.show)
app.command()(explain.explain)
app.command()(show.schema)
app.command()(show.compare)
app.command()(show.report)
app.command()(study.bench)
app.command()(study.calibrate)
app.command()(study.claims)


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
        text = "interrupted; a directory that was being written stays marked INCOMPLETE"
        _fail(f"{text}; sdesim resume DIR goes on with a run, --resume with a sweep", INTERRUPTED)
    sys.exit(code)


def _fail(message: str, code: int) -> NoReturn:
    if message:
        print(f"sdesim: {message}", file=sys.stderr)
    sys.exit(code)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)
