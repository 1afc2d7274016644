"""The page of the command line, from what `--help` prints."""

from __future__ import annotations

import typer

from sdesim.commands.verbs import app

_WIDTH = 90


def cli_page() -> str:
    """Every verb with its help, in the order of `sdesim --help`."""
    group = typer.main.get_command(app)
    parts = [
        "# Command line",
        "What `--help` prints of every verb, made by `python -m analysis.generated`.",
        "Exit codes: 0 all well, 1 an expectation was missed, 2 bad input, 3 interrupted (`sdesim resume`).",
    ]
    with group.make_context("sdesim", [], resilient_parsing=True) as whole:
        parts.append(f"```text\n{_help(group, whole, 'sdesim')}\n```")
        for verb in group.list_commands(whole):
            command = group.get_command(whole, verb)
            parts.append(f"## sdesim {verb}\n\n```text\n{_help(command, whole, verb)}\n```")
    return "\n\n".join(parts) + "\n"


def _help(command: typer.core.TyperCommand | typer.core.TyperGroup, whole: typer.Context, name: str) -> str:
    parent = None if name == "sdesim" else whole
    alone = type(whole)(
        command, info_name=name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH,
        help_option_names=["-h", "--help"],
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in command.get_help(alone).strip().splitlines())
