"""pydantic's errors in the user's words: file, line, field, what was found, what is allowed."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import ValidationError

from sdesim.scenario.base import Strict, nearest
from sdesim.scenario.yaml import Document, KeyPath

_WORDS = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}
_TYPES = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "list_of_numbers": "a list of numbers",
    "dict_type": "a group of fields",
    "model_type": "a group of fields",
    "model_attributes_type": "a group of fields",
    "finite_number": "a finite number",
}


def error_lines(error: ValidationError, document: Document, models: dict[int, type[Strict]]) -> list[str]:
    """One line per place that is wrong, in the order of the file.

    Args:
        error: from pydantic. document: what was validated.
        models: the model of each group of fields, by identity of the data (see `Strict`).
    """
    places: dict[KeyPath, list[dict[str, Any]]] = {}
    for item in error.errors():
        path = _real_path(tuple(item["loc"]), document.data)
        tagged = item["type"] in ("union_tag_invalid", "union_tag_not_found")
        if tagged and isinstance(document.value(path), dict):
            path = (*path, "kind")
        places.setdefault(path, []).append(dict(item))
    _settle_alternatives(places)
    ordered = sorted(places.items(), key=lambda place: document.line(place[0]))
    return [f"{document.place(path)}: {_say(items, path, document, models)}" for path, items in ordered]


def _settle_alternatives(places: dict[KeyPath, list[dict[str, Any]]]) -> None:
    """One place where a value may be plain or a list: each alternative complains of its own."""
    for path, items in list(places.items()):
        inner = [p for p in places if len(p) > len(path) and p[: len(path)] == path]
        if path not in places or not inner:
            continue
        if items[0]["type"] == "literal_error":
            del places[path]
        elif items[0]["type"] == "float_type":
            items.append({**items[0], "type": "list_of_numbers"})
            for place in inner:
                del places[place]


def _real_path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """The location without the names of union members that pydantic puts between."""
    path: list[str | int] = []
    here = data
    for k, part in enumerate(loc):
        inside = part in here if isinstance(here, dict) else isinstance(part, int) and _holds(here, part)
        if inside:
            path.append(part)
            here = here[part]
        elif k == len(loc) - 1 and isinstance(here, dict) and _is_field(part) and here.get("kind") != part:
            path.append(part)
    return tuple(path)


def _holds(here: Any, position: int) -> bool:
    return isinstance(here, list) and position < len(here)


def _is_field(part: str | int) -> bool:
    return isinstance(part, str) and "[" not in part and part not in ("float", "int", "str", "bool")


def _say(
    items: list[dict[str, Any]], path: KeyPath, document: Document, models: dict[int, type[Strict]]
) -> str:
    first = items[0]
    kind, context = first["type"], first.get("ctx", {})
    model = models.get(id(document.value(path[:-1]))) if path else None
    if kind == "extra_forbidden":
        return f"unknown field{nearest(str(path[-1]), list(model.model_fields) if model else [])}"
    if kind in ("missing", "union_tag_not_found"):
        return "missing"
    if kind == "union_tag_invalid":
        allowed = [t.strip().strip("'") for t in str(context["expected_tags"]).split(",")]
        return f"found {context['tag']!r}{_allowed(str(context['tag']), allowed)}"
    if kind == "value_error":
        return str(first["msg"]).removeprefix("Value error, ")
    found = f"found {_short(first['input'])}"
    if kind == "literal_error" and len(items) == 1:
        allowed = [t.strip().strip("'") for t in str(context["expected"]).replace(" or ", ", ").split(",")]
        return found + _allowed(str(first["input"]), allowed)
    rules = " or ".join(dict.fromkeys(_rule(i) for i in items))
    if len(items) == 1 and kind in ("float_type", "int_type") and model is not None:
        rules += _limits(model.model_fields[str(path[-1])])
    return f"{found}, allowed: {rules}"


def _limits(field: Any) -> str:
    """ " above 0": the bounds of a field of numbers, from pydantic's annotations."""
    known: dict[str, float] = {}
    waiting = [field.annotation, *field.metadata]
    while waiting:
        part = waiting.pop()
        waiting += [*getattr(part, "__metadata__", ()), *getattr(part, "metadata", ()), *get_args(part)]
        known |= {k: getattr(part, k) for k in _WORDS if getattr(part, k, None) is not None}
    return "".join(f" {word} {known[k]:g}" for k, word in _WORDS.items() if k in known)


def _allowed(word: str, allowed: list[str]) -> str:
    hint = nearest(word, allowed)
    listed = f", allowed: {', '.join(allowed)}"
    return listed if hint == listed else listed + hint


def _rule(item: dict[str, Any]) -> str:
    kind, context = item["type"], item.get("ctx", {})
    if kind in _TYPES:
        return _TYPES[kind]
    bounds = {
        "greater_than": "a number above {gt:g}",
        "greater_than_equal": "a number of at least {ge:g}",
        "less_than": "a number below {lt:g}",
        "less_than_equal": "a number of at most {le:g}",
        "too_short": "at least {min_length} entries",
        "too_long": "at most {max_length} entries",
        "literal_error": "{expected}",
        "string_pattern_mismatch": "letters, digits, - _ and ., starting with a letter or digit",
    }
    return bounds[kind].format(**context) if kind in bounds else str(item["msg"])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
