"""The verb new: a scenario file to edit, and the schema beside it."""

from __future__ import annotations

import json

import pytest

from sdesim.scenario import load_scenario
from sdesim.scenario.schema import scenario_schema
from tests.commands.calling import call


@pytest.mark.parametrize("like", ["double-well-escape", "quickstart"])
def test_what_is_begun_is_the_original_under_another_name_with_its_comments(toy, capsys, like):
    assert call("new", "mine", "--like", like) == 0

    text = (toy / "mine.yaml").read_text()
    assert text.startswith("# yaml-language-server: $schema=sdesim.schema.json\n")
    mine, original = load_scenario("mine.yaml"), load_scenario(like)
    assert (mine.name, mine.arms, mine.quick) == ("mine", original.arms, original.quick)
    assert "sdesim run mine.yaml --quick" in capsys.readouterr().out
    assert json.loads((toy / "sdesim.schema.json").read_text()) == scenario_schema()


def test_nothing_is_written_over(toy, capsys):
    (toy / "sdesim.schema.json").write_text("{}")

    assert call("new", "toy") == 2
    assert "toy.yaml exists already" in capsys.readouterr().err
    assert call("new", "mine", "--like", "toy.yaml") == 0
    assert "sdesim.schema.json differs" in capsys.readouterr().out
    assert (toy / "sdesim.schema.json").read_text() == "{}"


@pytest.mark.parametrize(("name", "message"), [("a/b", "name: found 'a/b'"), ("-x", "No such option")])
def test_a_name_that_no_scenario_may_have_is_bad_input(toy, capsys, name, message):
    assert call("new", name) == 2

    assert message in capsys.readouterr().err
    assert sorted(p.name for p in toy.iterdir()) == ["toy.yaml"]
