"""The verb that says what to change in a training: advise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sdesim.commands.options import JsonOption, complete_runs, folder_of
from sdesim.commands.printing import make_console, print_json, say

if TYPE_CHECKING:
    from sdesim.training.tools.changes import Finding


def advise(
    path: Annotated[
        str,
        typer.Argument(
            metavar="RUN", help="A monitor's folder, a .zarr, or RUN:ARM.", autocompletion=complete_runs
        ),
    ],
    trajectory: Annotated[
        int, typer.Option(metavar="K", min=0, help="Which trajectory of a recorded run.")
    ] = 0,
    as_json: JsonOption = False,
) -> None:
    """Say what to change in a training, as far as intervals support it."""
    from sdesim.training.monitor.history import history_of
    from sdesim.training.tools.changes import advice_lines, findings

    history = history_of(_place(path), trajectory)
    found = findings(history)
    first = advice_lines(found)
    if as_json:
        told = [f.to_dict() for f in found]
        print_json({"step": history[-1].step, "lines": [t for t in first if t], "findings": told})
        return
    print_advice(first, found)


def _place(text: str) -> Path:
    if "://" in text:
        return folder_of(text)
    folder, sign, arm = text.rpartition(":")
    return Path(folder) / f"{arm}.zarr" if sign and not Path(text).exists() else Path(text)


def print_advice(first: tuple[str, str], found: list[Finding]) -> None:
    """The first two lines, and what else is known."""
    console = make_console()
    for k, text in enumerate(first):
        if text:
            say(console, text[:1].upper() + text[1:], "bold" if k == 0 else "")
    said = " ".join(first)
    rest = [(f.about, t) for f in found for t in (f.text, f.why) if t and t not in said]
    for about, text in rest:
        say(console, text, label=f"  {about}: ", label_style="dim")
