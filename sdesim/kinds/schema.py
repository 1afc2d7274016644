"""JSON Schema of kinds and of the models that hold them, with a description at each field."""

from __future__ import annotations

from typing import Any

from sdesim.kinds.check import in_code, model_of
from sdesim.kinds.documents import documented
from sdesim.kinds.registry import class_of, kinds_of


def family_schema(family: str) -> dict[str, Any]:
    """Any kind of a family: one branch for each, told apart by `kind`, or the name of one alone."""
    branches = [kind_schema(name, cls) for name, cls in kinds_of(family).items()]
    alone = [n for n, b in zip(kinds_of(family), branches, strict=True) if b["required"] == ["kind"]]
    schema: dict[str, Any] = {"oneOf": branches, "description": f"A kind of {family}."}
    if alone:
        words = "The name of a kind alone, with its defaults."
        schema["oneOf"] = [*branches, {"enum": alone, "description": words}]
    return schema


def kind_schema(name: str, cls: type) -> dict[str, Any]:
    """One kind as an object with its fields."""
    made = model_of(cls).model_json_schema()
    words = documented(cls)
    closed = set(in_code(cls))
    properties = {n: described(p, words.fields.get(n, "")) for n, p in made.get("properties", {}).items()}
    called = {"const": name, "description": "Which kind it is."}
    schema: dict[str, Any] = {
        "type": "object",
        "title": name,
        "description": words.first,
        "properties": {"kind": called, **{n: p for n, p in properties.items() if n not in closed}},
        "required": ["kind", *(n for n in made.get("required", []) if n not in closed)],
        "additionalProperties": False,
    }
    return schema


def described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    """A field's schema with its description, and without the title that pydantic makes of its name."""
    plain = {key: value for key, value in schema.items() if key != "title"}
    return {**plain, "description": text} if text else plain


def linked(schema: Any) -> Any:
    """The schema with every family as the reference to its place among `$defs`."""
    if isinstance(schema, list):
        return [linked(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "x-settings" in schema:
        one = kind_schema(schema["x-settings"], class_of("settings", schema["x-settings"]))
        one["required"] = [name for name in one["required"] if name != "kind"]
        one["properties"] = {n: p for n, p in one["properties"].items() if n != "kind"}
        return linked({**one, **{k: v for k, v in schema.items() if k != "x-settings"}})
    if "x-family" in schema:
        others = {k: linked(v) for k, v in schema.items() if k != "x-family"}
        return {"$ref": f"#/$defs/{schema['x-family']}", **others}
    return {key: linked(part) for key, part in schema.items()}


def used_families(schema: Any) -> set[str]:
    """Names of the families that a schema refers to."""
    if isinstance(schema, list):
        return set().union(*(used_families(part) for part in schema)) if schema else set()
    if not isinstance(schema, dict):
        return set()
    own = {str(schema["x-family"])} if "x-family" in schema else set()
    return own.union(*(used_families(part) for part in schema.values())) if schema else own
