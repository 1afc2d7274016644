"""pydantic's errors in the user's words: what was found, what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from sdesim.kinds.spelling import nearest, short

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
    "tuple_type": "a list",
    "list_of_numbers": "a list of numbers",
    "dict_type": "a group of fields",
    "model_type": "a group of fields",
    "model_attributes_type": "a group of fields",
    "finite_number": "a finite number",
}


def say(items: Sequence[dict[str, Any]], name: str, fields: Sequence[str], annotation: Any = None) -> str:
    """What is wrong at one place, in one line.

    Args:
        items: pydantic's errors there, several where the value may be of several types.
        name: of the field. fields: that there are. annotation: of the field, for its bounds.
    """
    first = items[0]
    sort, context = first["type"], first.get("ctx", {})
    if sort == "misfit":
        return str(first["msg"])
    if sort == "extra_forbidden":
        return f"unknown field{nearest(name, fields)}"
    if sort == "missing":
        return "missing"
    if sort == "value_error":
        return str(first["msg"]).removeprefix("Value error, ")
    found = f"found {short(first['input'])}"
    if sort == "literal_error" and len(items) == 1:
        choices = str(context["expected"]).replace(" or ", ", ").split(",")
        word = first["input"] if isinstance(first["input"], str) else ""
        return found + _allowed(word, [c.strip().strip("'") for c in choices])
    rules = " or ".join(dict.fromkeys(_rule(item) for item in items))
    if len(items) == 1 and sort in ("float_type", "int_type", "finite_number"):
        rules += _limits(annotation)
    return f"{found}, allowed: {rules}"


def _limits(annotation: Any) -> str:
    """ " above 0": the bounds of a field of numbers, from its annotation."""
    known: dict[str, float] = {}
    waiting = [annotation]
    while waiting:
        part = waiting.pop()
        waiting += [*getattr(part, "__metadata__", ()), *getattr(part, "metadata", ()), *get_args(part)]
        annotated = getattr(part, "annotation", None)
        waiting += [] if annotated is None else [annotated]
        known |= {k: getattr(part, k) for k in _WORDS if isinstance(getattr(part, k, None), int | float)}
    bounds = [f"{word} {known[k]:g}" for k, word in _WORDS.items() if k in known]
    return "".join([f" {b}" if k == 0 else f" and {b.removeprefix('of ')}" for k, b in enumerate(bounds)])


def _allowed(word: str, allowed: list[str]) -> str:
    hint = nearest(word, allowed)
    listed = f", allowed: {', '.join(allowed)}"
    return listed if hint == listed else listed + hint


def _rule(item: dict[str, Any]) -> str:
    sort, context = item["type"], item.get("ctx", {})
    if sort in _TYPES:
        return _TYPES[sort]
    bounds = {
        "greater_than": "a number above {gt:g}",
        "greater_than_equal": "a number of at least {ge:g}",
        "less_than": "a number below {lt:g}",
        "less_than_equal": "a number of at most {le:g}",
        "too_short": "at least {min_length} entries",
        "too_long": "at most {max_length} entries",
        "string_too_long": "at most {max_length} characters",
        "literal_error": "{expected}",
        "string_pattern_mismatch": "letters, digits, - _ and ., starting with a letter or digit",
    }
    return bounds[sort].format(**context) if sort in bounds else str(item["msg"])
