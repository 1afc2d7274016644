"""pydantic's errors in the user's words: file, line, field, what was found, what is allowed."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sdesim.scenario.base import nearest
from sdesim.scenario.reading import Document, KeyPath, path_text

_MOST = 10
_TYPES = {
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a group of fields",
    "model_type": "a group of fields",
    "model_attributes_type": "a group of fields",
    "finite_number": "a finite number",
}


def error_lines(error: ValidationError, document: Document) -> list[str]:
    """One line per place that is wrong, at most ten."""
    places: dict[KeyPath, list[dict[str, Any]]] = {}
    for item in error.errors():
        path = _real_path(tuple(item["loc"]), document.data)
        if item["type"] == "unknown_field":
            path = (*path, item["ctx"]["key"])
        elif item["type"] in ("union_tag_invalid", "union_tag_not_found"):
            path = (*path, "kind")
        places.setdefault(path, []).append(dict(item))
    lines = [f"{document.origin(path)}: {path_text(path)}: {_say(items)}" for path, items in places.items()]
    if len(lines) > _MOST:
        lines = [*lines[:_MOST], f"… and {len(lines) - _MOST} more"]
    return lines


def _real_path(loc: tuple[str | int, ...], data: Any) -> KeyPath:
    """The location without the names of union members that pydantic puts between."""
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


def _say(items: list[dict[str, Any]]) -> str:
    first = items[0]
    kind, context = first["type"], first.get("ctx", {})
    if kind == "unknown_field":
        return str(first["msg"])
    if kind == "missing":
        return "missing"
    if kind == "union_tag_not_found":
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
    return f"{found}, allowed: {' or '.join(dict.fromkeys(_rule(i) for i in items))}"


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
