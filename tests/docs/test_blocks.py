"""Every block of every page: Python is executed, commands are parsed or run, scenarios are checked."""

import shlex
from pathlib import Path

import pytest
import typer

from analysis.site.blocks import blocks, commands
from sdesim.commands.verbs import app
from sdesim.scenario.yaml import read_yaml

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCKS = {page.relative_to(ROOT).as_posix(): list(blocks(page.read_text(encoding="utf-8"))) for page in PAGES}
# Pages whose Python other tests execute, with what it must come to, and the files of those tests.
ELSEWHERE = {
    "README.md": "tests/test_readme.py",
    "docs/extending.md": "tests/test_extending.py",
    "docs/guides/convergence.md": "tests/test_readme.py",
    "docs/guides/fits.md": "tests/test_readme.py",
    "docs/guides/handing-over.md": "tests/test_readme.py",
    "docs/guides/monitoring.md": "tests/test_readme.py",
    "docs/guides/simulating.md": "tests/test_readme.py",
    "docs/guides/stable.md": "tests/test_readme.py",
    "docs/guides/sweeps.md": "tests/test_readme.py",
    "docs/guides/training-tools.md": "tests/test_readme.py",
    "docs/guides/training.md": "tests/test_readme.py",
    "docs/guides/twins.md": "tests/test_readme.py",
    "docs/reference/quantities.md": "tests/test_quantities_page.py",
}
SCENARIOS = {name: [b.code for b in found if b.language == "yaml"] for name, found in BLOCKS.items()}
WITH_PYTHON = [name for name, found in BLOCKS.items() if any(b.language == "python" for b in found)]
# Pages whose commands are run too, in the same folder and in the order of the page.
LESSONS = [name for name in BLOCKS if name.startswith("docs/tutorial")]
GROUP = typer.main.get_command(app)


@pytest.mark.parametrize(
    "name", [n for n in BLOCKS if n in LESSONS or (n in WITH_PYTHON and n not in ELSEWHERE)]
)
def test_a_page_runs_from_top_to_bottom(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    space, ran = {"__name__": "page"}, 0

    for block in BLOCKS[name]:
        if block.language == "python":
            code = compile("\n" * (block.line - 1) + block.code, name, "exec")
            if not block.why:
                exec(code, space)
        elif block.language == "yaml" and name in LESSONS:
            file = tmp_path / f"{read_yaml(block.code, name).data['name']}.yaml"
            file.write_text(block.code, encoding="utf-8")
        elif block.language == "sh" and name in LESSONS and not block.why:
            for line in commands(block):
                assert not GROUP(shlex.split(line)[1:], standalone_mode=False), line
                ran += 1

    assert (ran > 0) == any(b.language == "sh" and not b.why for b in BLOCKS[name] if name in LESSONS)


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_a_page_that_another_test_executes_is_read_by_that_test(name):
    parts = [f'"{part}"' for part in Path(name).parts]

    assert name in WITH_PYTHON
    assert parts[-1] in (ROOT / ELSEWHERE[name]).read_text(encoding="utf-8")


def test_python_out_of_its_context_compiles():
    for name, found in BLOCKS.items():
        for block in found:
            if block.language == "py":
                compile(block.code, name, "exec")


def test_every_command_has_a_verb_and_options_that_exist():
    lines = [line for found in BLOCKS.values() for b in found if b.language == "sh" for line in commands(b)]

    with GROUP.make_context("sdesim", [], resilient_parsing=True) as whole:
        for line in lines:
            _, *words = shlex.split(line)
            if words and not words[0].startswith("-"):
                verb = GROUP.get_command(whole, words[0])
                assert verb is not None, line
                verb.make_context(words[0], words[1:], parent=whole).close()

    assert len(lines) > 20


def test_every_yaml_block_can_be_read():
    for name, found in SCENARIOS.items():
        for text in found:
            read_yaml(text, name)
