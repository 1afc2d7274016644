"""The JSON Schema of scenario files, for editors: every field with its description."""

from __future__ import annotations

from typing import Any

from sdesim.kinds.documents import documented
from sdesim.kinds.schema import described, family_schema, linked, used_families
from sdesim.scenario import models
from sdesim.scenario.base import Strict


def scenario_schema() -> dict[str, Any]:
    """The schema of a scenario, with all kinds of the families that it uses."""
    schema = models.Scenario.model_json_schema()
    definitions = {
        name: _described(part, getattr(models, name)) for name, part in schema.pop("$defs", {}).items()
    }
    whole = {**_described(schema, models.Scenario), "$defs": definitions}
    todo, done = used_families(whole), set[str]()
    while todo:
        # In order, so that the text is the same in every process.
        family = min(todo)
        todo.remove(family)
        done.add(family)
        definitions[family] = family_schema(family)
        todo |= used_families(definitions[family]) - done
    found: dict[str, Any] = linked(whole)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _described(schema: dict[str, Any], model: type[Strict]) -> dict[str, Any]:
    words = documented(model)
    properties = {
        name: described(part, words.fields.get(name, "")) for name, part in schema["properties"].items()
    }
    return {**schema, "description": words.first, "properties": properties}
