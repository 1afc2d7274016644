"""The JSON Schema of scenario files."""

import json

from sdesim.scenario.schema import scenario_schema


def references(schema):
    if isinstance(schema, list):
        return {name for part in schema for name in references(part)}
    if not isinstance(schema, dict):
        return set()
    own = {schema["$ref"]} if isinstance(schema.get("$ref"), str) else set()
    return own | {name for part in schema.values() for name in references(part)}


def test_every_field_is_described_and_every_reference_leads_somewhere():
    schema = scenario_schema()

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["additionalProperties"] is False
    assert all(part["description"] for part in schema["properties"].values())
    assert {"surfaces", "noises", "schemes", "data", "networks"} <= set(schema["$defs"])
    assert {name.removeprefix("#/$defs/") for name in references(schema)} <= set(schema["$defs"])
    assert json.loads(json.dumps(schema)) == schema
