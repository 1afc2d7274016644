"""Verbs that say what a scenario's fields may hold: explain, and the list of kinds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sdesim.commands.options import JsonOption, TrustOption, complete_kinds
from sdesim.commands.printing import print_folded, print_json, print_rows

# Groups of fields of one form have no name of their own in a file.
_SETTINGS = "settings"


def list_kinds(as_json: bool) -> None:
    """Every family with its kinds, a line each."""
    from sdesim.kinds import documented, families, kinds_of

    found = {
        family: {name: documented(cls).first for name, cls in kinds_of(family).items()}
        for family in families()
        if family != _SETTINGS
    }
    if as_json:
        print_json(found)
        return
    for number, (family, kinds) in enumerate(found.items()):
        print(f"{chr(10) if number else ''}{family}")
        print_rows(list(kinds.items()), indent=2)


def explain(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="Such as double-well, or noises/stable.", autocompletion=complete_kinds
        ),
    ],
    trust: TrustOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a kind is: formula, fields, bounds, source, an example."""
    from pathlib import Path

    from sdesim.kinds import documented, trusting
    from sdesim.kinds.explain import example_of, field_rows
    from sdesim.kinds.registry import origin_of

    with trusting(trust or (), Path.cwd()):
        found = _matching(kind)
    described: list[dict[str, Any]] = []
    for family, name, cls in found:
        words = documented(cls)
        described.append(
            {
                "family": family,
                "kind": name,
                "text": words.first,
                "more": words.more,
                "fields": [row.as_dict() for row in field_rows(cls)],
                "source": words.source,
                "example": example_of(family, name, cls),
                "from": origin_of(cls),
            }
        )
    if as_json:
        print_json(described if len(described) > 1 else described[0])
        return
    for number, part in enumerate(described):
        _print(part, first=number == 0)


def _matching(text: str) -> list[tuple[str, str, type]]:
    """Kinds of that name, in whatever family.

    Raises:
        SdesimError: there is none.
    """
    from sdesim.errors import SdesimError
    from sdesim.kinds import class_of, families, names_of
    from sdesim.kinds.spelling import nearest

    family, slash, name = text.rpartition("/")
    asked = [family] if slash else families()
    if ":" in name:
        return _of_module(name, asked)
    found = [(f, name, class_of(f, name)) for f in asked if name in names_of(f)]
    if not found:
        known = sorted({n for f in families() for n in names_of(f)})
        hint = nearest(name, known)
        hint = hint if "did you mean" in hint else ", see sdesim list --kinds"
        raise SdesimError(f"found {text!r}, no kind of that name{hint}")
    return found


def _of_module(name: str, asked: list[str]) -> list[tuple[str, str, type]]:
    """A class of a trusted module in the family that it is a kind of.

    Raises:
        SdesimError: it is of none, or its module is not trusted.
    """
    from sdesim.errors import SdesimError
    from sdesim.kinds import Misfit, class_of

    found, refused = [], []
    for family in asked:
        try:
            found.append((family, name, class_of(family, name)))
        except Misfit as error:
            refused.append(error.problems[0][1])
    if not found:
        raise SdesimError(refused[-1])
    return found


def _print(part: dict[str, Any], first: bool) -> None:
    if not first:
        print()
    print_folded(f"{part['kind']} ({part['family']}): {part['text']}")
    for paragraph in filter(None, part["more"].split("\n\n")):
        print()
        print_folded(" ".join(paragraph.split()))
    if part["fields"]:
        print("\nFields")
        print_rows([(f["name"], _field(f)) for f in part["fields"]], indent=2)
    if part["source"]:
        print()
        print_folded(f"Source: {part['source']}")
    if part["from"]:
        print(f"From: {part['from']}")
    print(f"\nExample\n  {part['example']}")


def _field(field: dict[str, Any]) -> str:
    default = "required" if field["required"] else f"default {field['default']}"
    return f"{field['type']}; {default}. {field['text']}"
