"""pydantic's errors about a scenario in the user's words: file, line, field, found, allowed."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sdesim.kinds.messages import say
from sdesim.kinds.misfit import Problem
from sdesim.scenario.base import Strict
from sdesim.scenario.yaml import Document, KeyPath


def type_problems(
    error: ValidationError, data: dict[str, Any], models: dict[int, type[Strict]]
) -> list[Problem]:
    """One for each place that is wrong.

    Args:
        error: from pydantic. data: what was validated.
        models: the model of each group of fields, by identity of the data (see `Strict`).
    """
    places: dict[KeyPath, list[dict[str, Any]]] = {}
    for item in error.errors():
        path = _real_path(item, data)
        places.setdefault(path, []).append(dict(item))
    document = Document(data)
    return [(path, _say(items, path, document, models)) for path, items in places.items()]


def _real_path(item: Any, data: Any) -> KeyPath:
    """The location without the names of union members, which pydantic puts between."""
    loc = tuple(item["loc"])
    if item["type"] == "misfit":
        return loc
    path: list[str | int] = []
    here = data
    for k, part in enumerate(loc):
        inside = part in here if isinstance(here, dict) else isinstance(part, int) and _holds(here, part)
        if inside:
            path.append(part)
            here = here[part]
        elif k == len(loc) - 1 and isinstance(here, dict) and _is_field(part):
            path.append(part)
    return tuple(path)


def _holds(here: Any, position: int) -> bool:
    return isinstance(here, list) and position < len(here)


def _is_field(part: str | int) -> bool:
    return isinstance(part, str) and "[" not in part and part not in ("float", "int", "str", "bool")


def _say(
    items: list[dict[str, Any]], path: KeyPath, document: Document, models: dict[int, type[Strict]]
) -> str:
    model = models.get(id(document.value(path[:-1]))) if path else None
    fields = model.model_fields if model is not None else {}
    name = str(path[-1]) if path else ""
    return say(items, name, list(fields), fields.get(name))
