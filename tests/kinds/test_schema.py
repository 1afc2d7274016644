"""The JSON Schema of a kind."""

from __future__ import annotations

from sdesim.kinds.schema import kind_schema, linked
from tests.kinds.bowls import Bowl, Within


def test_the_schema_of_a_kind_describes_its_fields_and_leaves_out_what_is_python_s():
    schema = linked(kind_schema("bowl", Bowl))

    assert schema["properties"]["kind"]["const"] == "bowl"
    assert schema["required"] == ["kind", "rates"]
    assert "given" not in schema["properties"]
    assert schema["properties"]["dim"] == {
        "type": "integer", "minimum": 1, "default": 1, "description": "number of coordinates.",
    }  # fmt: skip
    inner = linked(kind_schema("within", Within))["properties"]["inner"]
    assert inner["$ref"] == "#/$defs/test-bowls"
