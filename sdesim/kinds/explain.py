"""What `sdesim explain` and the docs tables say of a kind, from its signature and docstring."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sdesim.kinds.check import in_code
from sdesim.kinds.documents import documented
from sdesim.kinds.plain import dump
from sdesim.kinds.schema import kind_schema

_BOUNDS = {
    "exclusiveMinimum": "above {:g}",
    "minimum": "at least {:g}",
    "exclusiveMaximum": "below {:g}",
    "maximum": "at most {:g}",
}
_TYPES = {
    "number": "number",
    "integer": "whole number",
    "string": "text",
    "boolean": "true or false",
    "null": "null",
    "object": "group of fields",
}


@dataclass(frozen=True)
class FieldRow:
    """One field in words.

    Attributes:
        name: of the field. type: with its bounds. required: whether it has no default.
        default: as a file would write it; empty where required. text: of the docstring.
    """

    name: str
    type: str
    required: bool
    default: str
    text: str

    def as_dict(self) -> dict[str, Any]:
        """The row as plain data."""
        return asdict(self)


def field_rows(cls: type) -> list[FieldRow]:
    """The fields of a kind that a file can give."""
    schema = kind_schema(getattr(cls, "kind", cls.__name__), cls)
    closed = set(in_code(cls))
    return [
        FieldRow(
            name=name,
            type=type_words(part),
            required=name in schema["required"],
            default=flow(part["default"]) if "default" in part else "" if name in schema["required"] else "…",
            text=part.get("description", ""),
        )
        for name, part in schema["properties"].items()
        if name != "kind" and name not in closed
    ]


def type_words(schema: dict[str, Any]) -> str:
    """A field's JSON Schema in words: "number above 0"."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_words(part) for part in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "x-family" in schema:
        return f"a kind of {schema['x-family']}"
    if "x-settings" in schema:
        return f"the fields of {schema['x-settings']}"
    if schema.get("type") == "array":
        inner: dict[str, Any] = schema.get("items") or next(iter(schema.get("prefixItems", ())), {})
        return f"list of {_plural(type_words(inner))}" if inner else "list"
    words = _TYPES.get(str(schema.get("type")), "anything")
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return " ".join([words, *[" and ".join(bounds)] * bool(bounds)])


def _plural(words: str) -> str:
    first, space, rest = words.partition(" ")
    if words.startswith("list of"):
        return "lists of" + words.removeprefix("list of")
    if words.startswith("whole number"):
        return "whole numbers" + words.removeprefix("whole number")
    return f"{first}s{space}{rest}" if first == "number" else words


def flow(value: Any) -> str:
    """A value as one line of YAML."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return f"{value:g}" if isinstance(value, float) and value == float(f"{value:g}") else str(value)


def example_of(family: str, name: str, cls: Any) -> str:
    """One line of YAML to paste: the docstring's example, or the kind with its defaults."""
    words = documented(cls)
    if words.example:
        return words.example
    if any(row.required for row in field_rows(cls)):
        return f"{{kind: {name}, …}}"
    plain = {key: value for key, value in dump(cls()).items() if value is not None}
    return flow({**plain, "kind": name})
