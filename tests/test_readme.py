"""The README's examples run as they stand."""

import re
from pathlib import Path

from sdesim.scenario import parse_scenario

TEXT = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def test_python_examples_run(capsys):
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), {})

    assert "exploration" in capsys.readouterr().out


def test_yaml_example_is_a_valid_scenario():
    assert parse_scenario(blocks("yaml")[0]).name == "my-escape"


def test_figures_exist():
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXT):
        assert (Path(__file__).parent.parent / path).is_file()
