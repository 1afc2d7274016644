"""From a file or a name to a scenario: overrides, small sizes, and what is not found."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdesim.errors import ScenarioError
from sdesim.scenario import (
    load_scenario,
    parse_scenario,
    resolved_yaml,
    shipped_scenarios,
)
from tests.scenario.files import GOOD, refused


def test_set_overrides_a_field_inside_a_list():
    scenario = parse_scenario(GOOD, overrides={"arms.sde.simulate.noise[1].alpha": "1.8"})

    assert scenario.arms["sde"].simulate.noise[1].alpha == 1.8


def test_set_takes_yaml_values_and_plain_python_ones():
    scenario = parse_scenario(GOOD, overrides={"probes": "{every: 7}", "seed": 11, "description": "'12'"})

    assert (scenario.probes.every, scenario.seed, scenario.description) == (7, 11, "12")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("arms.sde.simulate.stepz", "1", ": unknown field, did you mean 'steps'?"),
        ("arms.sde.simulate.dt", "x", ": found 'x', allowed: a number above 0"),
        ("arms.sdee.simulate.dt", "1", ": arms.sdee: not there, did you mean 'sde'?"),
        (
            "arms.sde.simulate.noise[2].alpha",
            "1",
            ": arms.sde.simulate.noise[2]: no such position, the list has 2",
        ),
        ("seed.x", "1", ": seed holds a plain value"),
        ("probes", "[", ":1: not valid YAML"),
    ],
)
def test_a_wrong_set_is_named_as_such(path, value, message):
    assert refused(GOOD, overrides={path: value})[0].startswith(f"--set {path}{message}")


def test_a_set_without_a_path_is_refused():
    assert refused(GOOD, overrides={"arms..sde": "1"})[0].startswith("'arms..sde' is not a path")


def test_quick_applies_the_files_own_small_sizes_and_set_wins_over_it():
    assert parse_scenario(GOOD, quick=True).arms["sde"].simulate.steps == 100
    assert parse_scenario(GOOD, quick=True).expect == []
    both = parse_scenario(GOOD, "file.yaml", {"arms.sde.simulate.steps": "50"}, True)
    assert both.arms["sde"].simulate.steps == 50


def test_a_missing_file_and_an_unknown_name_are_refused_with_the_nearest_name():
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml: no such file"):
        load_scenario("nowhere.yaml")
    with pytest.raises(ScenarioError, match="did you mean 'quickstart'"):
        load_scenario("quickstar")


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")

    with pytest.raises(ScenarioError, match="can't be read"):
        load_scenario(path)


def test_a_file_too_large_for_a_scenario_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("# comment\n" * 1_000_000)

    with pytest.raises(ScenarioError, match="found a file of more than 256 KB"):
        load_scenario(path)


@pytest.mark.parametrize("name", sorted(shipped_scenarios()))
@pytest.mark.parametrize("quick", [False, True])
def test_a_resolved_scenario_reads_back_as_itself(name, quick):
    scenario = load_scenario(name, quick=quick)

    again = parse_scenario(resolved_yaml(scenario))

    assert again == scenario.model_copy(update={"quick": {}})


def test_every_shipped_scenario_says_what_it_shows_and_expects():
    assert {"quickstart", "double-well-escape", "flat-vs-sharp", "kesten-tail"} <= set(shipped_scenarios())
    for name, path in shipped_scenarios().items():
        scenario = load_scenario(path)

        assert scenario.name == name == Path(path).stem
        assert scenario.description
        assert scenario.expect
        assert scenario.quick


@pytest.mark.parametrize("path", ["a[" + "9" * 5000 + "]", "a" + "." * 50_000, "\x1b[31m]", "a[²]"])
def test_a_set_with_a_hostile_path_is_refused_in_a_short_line(path):
    lines = refused(GOOD, overrides={path: "1"})

    assert len(lines) == 1
    assert len(lines[0]) <= 300
    assert lines[0].isprintable()


def test_line_ends_and_marks_of_other_systems_are_read(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())

    assert load_scenario(path) == parse_scenario(GOOD)
