"""What the verbs of the command line share: exit codes, options, printing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

OK, MISSED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 3

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override a field, as in arms.sde.simulate.dt=1e-3."),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="Apply the file's own small sizes.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="Count undecided expectations as missed.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads of simulated arms; default all.")
]
TrustOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust", metavar="MODULE", help="Let the code of this module run, for kinds written MODULE:CLASS."
    ),
]
AcceptOption = Annotated[
    bool,
    typer.Option("--accept-changes", help="Go on although code was edited since; what is kept in the run."),
]
FilesArgument = Annotated[
    list[str], typer.Argument(metavar="FILE|NAME...", help="Scenario files or shipped names.")
]


def make_console() -> Console:
    """What tables and coloured lines are printed on."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def read_overrides(settings: list[str] | None) -> dict[str, str]:
    """--set PATH=VALUE, each as path → value.

    Raises:
        ScenarioError: one is not of this form.
    """
    from sdesim.errors import ScenarioError

    found: dict[str, str] = {}
    for item in settings or []:
        path, sign, value = item.partition("=")
        if not sign or not path.strip():
            raise ScenarioError(f"--set: found {item!r}, allowed: PATH=VALUE")
        found[path.strip()] = value
    return found


def print_json(value: Any) -> None:
    """A value as JSON on standard output."""
    from sdesim.io.files import to_json

    print(to_json(value), end="")


def print_rows(rows: Sequence[tuple[str, str]], indent: int = 0) -> None:
    """Names and texts in two columns, the texts folded to the width of the terminal."""
    import shutil
    import textwrap

    widest = max((len(name) for name, _ in rows), default=0)
    first = indent + widest + 2
    width = max(40, shutil.get_terminal_size((100, 24)).columns - first)
    for name, text in rows:
        lines = textwrap.wrap(text, width) or [""]
        print(f"{' ' * indent}{name:<{widest}}  {lines[0]}".rstrip())
        for line in lines[1:]:
            print(" " * first + line)


def print_expectations(console: Console, expectations: list[dict[str, Any]]) -> None:
    """The table of outcomes, if anything was expected."""
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
        found = interval(e["value"], e["low"], e["high"])
        name = e["quantity"] if e["at"] == "end" else f"{e['quantity']} at {e['at']}"
        cells = (e["arm"], name, e["condition"], found)
        table.add_row(f"[{style}]{e['outcome']}[/{style}]", *map(escape, cells))
    console.print(table)


def interval(value: Any, low: Any, high: Any) -> str:
    """ "0.5 [0.4, 0.6]", without brackets where there is no interval."""

    def number(x: Any) -> str:
        return "–" if x is None or x != x else x if isinstance(x, str) else f"{x:.4g}"

    return number(value) if low is None or low != low else f"{number(value)} [{number(low)}, {number(high)}]"
