"""Kinds in a scenario that are not sdesim's own: where their code came from, and whether it has changed."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sdesim.errors import RunError
from sdesim.kinds.registry import fields_of, origin_of
from sdesim.scenario.models import Scenario


def foreign_kinds(scenario: Scenario) -> list[dict[str, str]]:
    """What stands in provenance.json of each kind of others: its name, its origin, its file and digest."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for value in _kinds_in(scenario):
        cls = type(value)

        origin = origin_of(cls)
        if origin:
            entry = {"family": value.family, "kind": value.kind, "from": origin}
            found[value.family, value.kind] = entry | _source(cls)
    return [found[key] for key in sorted(found)]


def _kinds_in(value: Any) -> Iterator[Any]:
    if "kind" in vars(type(value)):
        yield value
        parts: Sequence[Any] = list(fields_of(value).values())
    elif hasattr(type(value), "model_fields"):
        parts = [getattr(value, name) for name in type(value).model_fields]
    elif isinstance(value, Mapping):
        parts = list(value.values())
    else:
        parts = value if isinstance(value, list | tuple) else ()
    for part in parts:
        yield from _kinds_in(part)


def _source(cls: type) -> dict[str, str]:
    """File and digest of the module that a class stands in."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    if file is None or not Path(file).is_file():
        return {}
    return {"file": str(Path(file).resolve()), "sha256": hashlib.sha256(Path(file).read_bytes()).hexdigest()}


def folder_of(recorded: Sequence[Mapping[str, str]]) -> Path | None:
    """The folder beside which trusted modules of an earlier run were found."""
    for entry in recorded:
        if ":" in entry["kind"] and "file" in entry:
            depth = entry["kind"].partition(":")[0].count(".")
            folder = Path(entry["file"]).parents[depth]
            return folder.parent if Path(entry["file"]).name == "__init__.py" else folder
    return None


def refuse_changed(recorded: Sequence[Mapping[str, str]], scenario: Scenario) -> None:
    """Go on only with the code that an interrupted run was begun with.

    Raises:
        RunError: the file of a kind, or the version of its package, is another now.
    """
    now = {(e["family"], e["kind"]): e for e in foreign_kinds(scenario)}
    for before in recorded:
        after = now.get((before["family"], before["kind"]))
        if after is None:
            continue
        if before.get("sha256") != after.get("sha256"):
            raise RunError(f"{after.get('file', before['kind'])} was edited since this run was begun")
        if before["from"] != after["from"]:
            raise RunError(f"{before['kind']} came from {before['from']}, now it is {after['from']}")
