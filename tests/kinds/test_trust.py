"""Code beside a scenario runs only where it is trusted."""

from __future__ import annotations

import pickle

from sdesim.kinds import (
    dump,
    read,
    trusting,
)
from tests.kinds.bowls import messages


def test_code_beside_a_scenario_runs_only_where_it_is_trusted(tmp_path):
    (tmp_path / "kinds_of_mine.py").write_text(
        "from dataclasses import dataclass\nfrom typing import Annotated\nfrom annotated_types import Gt\n"
        "@dataclass(frozen=True)\nclass Cup:\n    '''A cup.'''\n    depth: Annotated[float, Gt(0)] = 1.0\n"
        "class Loose:\n    pass\nNUMBER = 3\n"
    )
    given = {"kind": "kinds_of_mine:Cup", "depth": 2.0}

    refused = messages(lambda: read("test-bowls", given))
    assert refused == (
        "kind: found 'kinds_of_mine:Cup', which runs the code of kinds_of_mine: "
        "allow it with --trust kinds_of_mine"
    )
    with trusting(["kinds_of_mine"], tmp_path):
        cup = read("test-bowls", given)
        assert cup.depth == 2.0
        assert dump(cup) == given
        wrong = messages(lambda: read("test-bowls", {**given, "depth": 0}))
        assert wrong == "depth: found 0, allowed: a number above 0"
        assert "has no class Saucer" in messages(lambda: read("test-bowls", {"kind": "kinds_of_mine:Saucer"}))
        assert "has no class NUMBER" in messages(lambda: read("test-bowls", {"kind": "kinds_of_mine:NUMBER"}))
        assert "is no kind of test-bowls" in messages(
            lambda: read("test-bowls", {"kind": "kinds_of_mine:Loose"})
        )
        assert pickle.loads(pickle.dumps(cup)) == cup
    with trusting(["nowhere_at_all"], tmp_path):
        text = messages(lambda: read("test-bowls", {"kind": "nowhere_at_all:X"}))
        assert "can't be found, neither beside the scenario" in text


def test_a_module_beside_a_scenario_that_hides_another_is_refused(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit\n")

    with trusting(["json"], tmp_path):
        text = messages(lambda: read("test-bowls", {"kind": "json:X"}))

    assert "has the name of a module that is loaded already" in text
