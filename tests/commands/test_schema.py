"""The verb schema: of scenario files, and of stored runs."""

from __future__ import annotations

import json

from tests.commands.calling import call


def test_the_json_schema_describes_every_field_of_a_scenario(capsys):
    assert call("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"name", "arms", "probes", "compare", "expect", "quick"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False

    assert call("schema", "--run") == 0
    assert "theta" in json.loads(capsys.readouterr().out)["variables"]
