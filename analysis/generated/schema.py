"""The page of a scenario's fields, from the schema that editors and `sdesim schema` get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdesim.scenario.schema import scenario_schema

from .kinds import TITLES

_NAMES = {"AskedFit": "fits: a law along an axis", "Compare": "compare", "Expect": "expect: one expectation",
          "Arm": "arms: one arm", "Simulate": "simulate", "Train": "train"}  # fmt: skip
_HEAD = "| field | takes | default | what it is |\n|---|---|---|---|\n"
Node = Mapping[str, Any]


def schema_page() -> str:
    """A table of fields for the scenario and each of its parts; fields that hold a kind link to the kinds."""
    schema = scenario_schema()
    own = {name: part for name, part in schema["$defs"].items() if "properties" in part}
    parts = [
        "# Scenario schema",
        "Every field of a scenario file, made from the models that check it by "
        "`python -m analysis.generated`. `sdesim schema` prints the same as JSON Schema; `sdesim new` writes "
        "it beside the file, so that editors complete and check.",
        f"## Scenario\n\n{_fields(schema)}",
    ]
    parts += [
        f"## {_NAMES.get(name, name)}\n\n{own[name]['description']}\n\n{_fields(own[name])}"
        for name in sorted(own, key=lambda name: (*_NAMES, name).index(name))
    ]
    return "\n\n".join(parts) + "\n"


def _fields(part: Node) -> str:
    required = part.get("required", [])
    rows = []
    for name, field in part["properties"].items():
        default = "required" if name in required else f"`{_value(field.get('default'))}`"
        text = field.get("description", "")
        rows.append(f"| `{name}` | {_takes(field)} | {default} | {_cell(text)} |")
    return _HEAD + "\n".join(rows)


def _takes(field: Node) -> str:
    """The type in words."""
    if "anyOf" in field or "oneOf" in field:
        found = [_takes(one) for one in field.get("anyOf") or field["oneOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(found))
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[-1]
        if name in _NAMES:
            return f"[{_NAMES[name]}](#{_anchor(_NAMES[name])})"
        title = TITLES.get(name, name)
        return f"[{title.lower()}](kinds.md#{_anchor(title)})"
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    kind = field.get("type", "anything")
    if kind == "array":
        return f"list of {_takes(field.get('items', {}))}"
    if kind == "object":
        of = field.get("additionalProperties")
        return f"mapping to {_takes(of)}" if isinstance(of, Mapping) and of else "mapping"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {field[key]}" for key, sign in signs.items() if key in field]
    return " ".join([str(kind), ", ".join(bounds)]).strip()


def _anchor(title: str) -> str:
    return "".join(c for c in title.lower() if c.isalnum() or c in " -").replace(" ", "-")


def _value(value: object) -> str:
    words = {True: "true", False: "false", None: "none"}
    return words[value] if value is None or isinstance(value, bool) else str(value) or '""'


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
