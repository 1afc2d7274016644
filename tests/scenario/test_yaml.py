"""What YAML a scenario may be written in: numbers, anchors, and nothing that runs code."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdesim.scenario import (
    Scenario,
    parse_scenario,
    resolved_yaml,
)
from tests.scenario.files import GOOD, changed, refused


def test_numbers_may_be_written_as_1e_minus_3_and_100_000():
    simulate = parse_scenario(GOOD).arms["sde"].simulate

    assert simulate.dt == 1e-3
    assert simulate.steps == 100_000
    assert isinstance(simulate.steps, int)


def test_a_whole_number_may_be_written_with_an_exponent():
    scenario = parse_scenario(changed("100_000", "1e5"))

    assert scenario.arms["sde"].simulate.steps == 100_000


def test_an_anchor_stands_for_what_it_names():
    text = changed("{kind: double-well, barrier: 0.25}", "&well {kind: double-well, barrier: 0.25}")
    text = text.replace("probes:", "  again:\n    simulate: {surface: *well, dt: 1, steps: 1}\nprobes:")

    scenario = parse_scenario(text)

    assert scenario.arms["again"].simulate.surface == scenario.arms["sde"].simulate.surface


ONE = """name: one
arms:
  x:
    simulate:
      surface: {kind: double-well}
      noise:
        kind: gaussian
        diffusion: 0.1
      events: {kind: exit, lower: -2, upper: 2}
      boundary: {kind: reflecting, lower: -3, upper: 3}
      dt: 0.1
      steps: 3
"""


def test_one_noise_event_or_wall_needs_no_list():
    simulate = parse_scenario(ONE).arms["x"].simulate
    set_anew = parse_scenario(ONE, overrides={"arms.x.simulate.noise[0].diffusion": 0.2}).arms["x"].simulate

    assert [len(simulate.noise), len(simulate.events), len(simulate.boundary)] == [1, 1, 1]
    assert (
        set_anew.noise == parse_scenario(ONE.replace("0.1\n      e", "0.2\n      e")).arms["x"].simulate.noise
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("diffusion: 0.1", "difusion: 0.1", "file.yaml:8: arms.x.simulate.noise[0].difusion: unknown field"),
        ("upper: 2", "upper: -2", "file.yaml:9: arms.x.simulate.events[0].upper: found -2, allowed: above"),
        ("upper: 3", "upper: x", "file.yaml:10: arms.x.simulate.boundary[0].upper: found 'x', allowed"),
    ],
)
def test_what_is_wrong_in_one_thing_has_its_own_line(old, new, message):
    assert refused(ONE.replace(old, new))[0].startswith(message)


BROKEN = [
    ("", "file.yaml: the file is empty"),
    ("- 1\n", "file.yaml:1: found [1], allowed: the fields of a scenario"),
    ("name: [1\n", "file.yaml:2: not valid YAML"),
    ("name: a\nname: b\n", "file.yaml:2: name: the key stands here twice"),
    (
        "name: a\narms:\n  x: {train: {}}\n  x: {train: {}}\n",
        "file.yaml:4: arms.x: the key stands here twice",
    ),
    ("name: a\n? [1, 2]\n: 3\n", "file.yaml:2: : keys must be plain words"),
    ("name: a\nseed: !!binary aGk=\n", "file.yaml:2: seed: found 'aGk=' of type"),
    ("name: a\nseed: !mine 1\n", "file.yaml:2: seed: found '1' of type '!mine', allowed: plain values only"),
    ("name: a\narms: !!python/dict {}\n", "file.yaml:2: arms: found the tag"),
    ("name: &a [*a]\n", "file.yaml:1: "),
    ("name: a\n---\nname: b\n", "file.yaml"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_what_is_not_plain_yaml_is_refused_in_one_line(text, message):
    lines = refused(text)

    assert len(lines) == 1
    assert lines[0].startswith(message)


def test_a_tag_never_runs_code(tmp_path):
    proof = tmp_path / "ran"
    call = "!!python/object/apply:pathlib.Path"
    text = f"name: a\narms: {call}.touch [{call} ['{proof}']]\n"

    refused(text)

    assert not proof.exists()


def test_aliases_that_multiply_without_end_are_refused_soon():
    levels = "\n".join(f"l{k}: &l{k} [{', '.join([f'*l{k - 1}'] * 9)}]" for k in range(1, 12))

    assert "aliases make the file endless or too large" in refused(f"l0: &l0 [x]\n{levels}\n")[0]


numbers = st.floats(min_value=1e-300, max_value=1e300)
texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=20)


@settings(max_examples=60, deadline=None)
@given(dt=numbers, tilt=st.floats(-0.3, 0.3), seed=st.integers(0, 2**63 - 1), words=texts)
def test_any_number_and_text_survives_dumping_and_reading(dt, tilt, seed, words):
    model = parse_scenario(GOOD).model_dump(exclude={"quick"})
    model["seed"], model["description"] = seed, words
    model["arms"]["sde"]["simulate"]["dt"] = dt
    model["arms"]["sde"]["simulate"]["surface"]["tilt"] = tilt
    scenario = Scenario.model_validate(model)

    assert parse_scenario(resolved_yaml(scenario)) == scenario


HOSTILE = [
    (
        "name: a\nquick: {a: " + "[" * 500 + "]" * 500 + "}\n",
        "file.yaml:2: not valid YAML: found values inside",
    ),
    ("name: a\nquick: " + "{a: " * 5000, "file.yaml:2: not valid YAML: found values inside"),
    ("name: a\n" + "- " * 3000, "file.yaml:2: not valid YAML"),
    ('name: a\ndescription: "\\U00110000"\n', "file.yaml:2: not valid YAML: found an escape of no character"),
    ('name: "\\ud800"\narms: {}\n', "file.yaml:1: name: found \\ud800, which is no character"),
    ('name: a\n"\\udfff": 1\n', "file.yaml:2: : in a key, found \\udfff"),
    (f"name: a\nseed: {'9' * 5000}\n", "file.yaml:2: seed: found '999"),
    (f"name: a\nseed: 0x{'f' * 5000}\n", "file.yaml:2: seed: found '0xf"),
    ("name: a\x00b\n", "file.yaml:1: not valid YAML: unacceptable character"),
]


@pytest.mark.parametrize(("text", "message"), HOSTILE)
def test_a_hostile_file_is_refused_in_short_lines_of_printable_characters(text, message):
    lines = refused(text)

    assert lines[0].startswith(message)
    assert all(len(line) <= 300 and line.isprintable() for line in lines)
    assert len(lines) <= 20


def test_more_values_than_a_scenario_needs_are_refused_as_they_come(monkeypatch):
    monkeypatch.setattr("sdesim.scenario.yaml._MOST_NODES", 100)

    assert refused("a: [" + "1, " * 100 + "1]\n")[0].startswith(
        "file.yaml:1: not valid YAML: found more than"
    )


def test_aliases_that_nest_too_deep_are_refused():
    levels = "\n".join(f"l{k}: &l{k} [*l{k - 1}]" for k in range(1, 200))

    assert "aliases make the file endless or too large" in refused(f"l0: &l0 [x]\n{levels}\n")[0]


def test_keys_with_escape_codes_and_line_ends_are_told_in_printable_characters():
    lines = refused(changed("  sde:\n", '  "a\\x1b[31m\\n\\r":\n').replace("arm: sde", "arm: b"))

    assert lines[0] == "file.yaml:4: arms.a\\x1b[31m\\n\\r: arm names hold letters, digits, - and _ only"
    assert all(line.startswith("file.yaml:") for line in lines)


def test_a_quantity_of_thirty_thousand_digits_takes_no_time():
    begin = time.process_time()
    lines = refused(changed("exit_time.mean", f"step_when.loss>{'1' * 30_000}x"))

    assert "expect[0].quantity: found 'step_when.loss>1" in lines[0]
    # The regular expression that went back and forth took 10 s.
    assert time.process_time() - begin < 1.0


@pytest.mark.parametrize("bound", ["1e999", "9" * 400])
def test_a_condition_with_a_bound_beyond_all_numbers_is_refused(bound):
    assert "allowed: such as" in refused(changed("exit_time.mean", f"step_when.loss>{bound}"))[0]
    assert "expect[0].at: found" in refused(changed("exit_time.mean", f"loss, at: loss>{bound}"))[0]
