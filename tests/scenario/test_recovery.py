"""What of a broken text can be read is read, and every part that is broken is told."""

import pytest

from sdesim.scenario.recovery import without_broken
from tests.scenario.files import changed, refused

MARK = "!"


def wrong(text):
    return f"line {text[: text.index(MARK)].count(chr(10)) + 1}" if MARK in text else ""


TEXTS = [
    ("a: 1\nb: 2\n", "a: 1\nb: 2\n", []),
    ("a: 1\nb: !\n  x\nc: 3\n", 'a: 1\n"b": ~\n\nc: 3\n', [(("b",), "line 2")]),
    ("a:\n  x: 1\n  y: !\n  z: 3\n", 'a:\n  x: 1\n  "y": ~\n  z: 3\n', [(("a", "y"), "line 3")]),
    ("a: !\n  x: 1\nb: 1", '"a": ~\n\nb: 1', [(("a",), "line 1")]),
    ("a: !\nb: !\n", '"a": ~\n"b": ~\n', [(("a",), "line 1"), (("b",), "line 2")]),
    ("- !\n", "- !\n", []),
    ("a: !\n---\nb: 1\n", "a: !\n---\nb: 1\n", []),
]


@pytest.mark.parametrize(("text", "rest", "broken"), TEXTS)
def test_parts_that_are_broken_are_taken_out_and_lines_keep_their_numbers(text, rest, broken):
    assert without_broken(text, wrong) == (rest, broken)
    assert without_broken(text, wrong)[0].count("\n") == text.count("\n")


BAD = changed("dt: 1e-3", "dt: -1")


def test_a_broken_field_leaves_the_others_to_be_checked():
    first, *others = refused(changed("name: ", "name: [", BAD))

    assert "not valid YAML" in first
    assert len(others) == 1
    assert others[0].startswith("file.yaml:10: arms.sde.simulate.dt: found -1")


def test_a_broken_arm_leaves_the_others_to_be_checked():
    other = "  other: {simulate: {surface: {kind: flat}, dt: [, steps: 1}}\n  third: {simulate: {dt: 0}}\n"

    first, *others = refused(changed("  sde:\n", f"{other}  sde:\n", BAD))

    assert first.startswith("file.yaml:4: not valid YAML")
    assert others[0].startswith("file.yaml:5: arms.third.simulate")
    assert others[-1].startswith("file.yaml:12: arms.sde.simulate.dt: found -1")
    assert not any("other" in line for line in others)
    quick = changed(
        "  expect: []\n",
        "  arms.other.simulate.steps: 1\n  ']': 1\n",
        changed("  sde:\n", f"{other}  sde:\n"),
    )
    told = refused(quick, quick=True)
    assert not any("arms.other" in line for line in told)
    assert any(line.startswith("file.yaml:") and "']' is not a path" in line for line in told)
    assert all(line.startswith("file.yaml:") for line in told)


def test_a_setting_and_a_quick_path_that_lead_nowhere_leave_the_rest_to_be_checked():
    text = changed("  expect: []\n", "  arms.nobody.simulate.steps: 1\n", BAD)

    found = refused(text, overrides={"prbes.every": "3", "seed": "["}, quick=True)

    assert len(found) == 4
    assert "nobody" in found[0]
    assert found[1].startswith("--set prbes")
    assert found[2].startswith("--set seed:1: not valid YAML")
    assert "dt: found -1" in found[3]
