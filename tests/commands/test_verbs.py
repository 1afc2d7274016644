"""The table of verbs: each has a line in the help, flags are flags, and the shell completes names."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import sdesim
from sdesim.commands.verbs import _HOMES, _PARTS
from tests.commands.calling import call


def test_every_verb_has_one_line_of_80_characters_in_its_part(capsys):
    assert call("--help") == 0

    lines = capsys.readouterr().out.splitlines()
    assert [x for x in lines if x.rstrip(":") in _PARTS] == [f"{part}:" for part in _PARTS]
    assert max(map(len, lines)) <= 80
    shown = [x.split()[0] for x in lines[lines.index("Run:") :] if x.startswith("  ")]
    assert shown == list(_HOMES)
    assert not any(x.endswith("...") for x in lines[1:])


@pytest.mark.parametrize("verb", list(_HOMES))
def test_the_help_of_a_verb_shows_flags_as_flags(verb, capsys):
    assert call(verb, "--help") == 0

    said = capsys.readouterr().out
    assert "<" not in said
    assert max(map(len, said.splitlines())) <= 80
    assert "  -h, --help" in said


def test_the_version_is_a_flag_too(capsys):
    assert call("--version") == 0

    assert capsys.readouterr().out.strip() == sdesim.__version__


def test_a_bare_call_says_what_to_do_next(toy, capsys):
    assert call() == 0
    said = capsys.readouterr().out
    assert "sdesim run double-well-escape --quick" in said

    call("run", "toy.yaml", "--quiet")
    call("run", "toy.yaml", "--quiet", "--out", "runs/other")
    (toy / "runs" / "other" / "INCOMPLETE").touch()
    capsys.readouterr()
    assert call() == 0
    said = capsys.readouterr().out
    assert "sdesim show runs/toy" in said
    assert "sdesim watch runs/other" in said


def completed(line, folder):
    code = "import sys; sys.argv = ['sdesim']; from sdesim.cli import main; main()"
    words = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
    environment = {**os.environ, **words, "_SDESIM_COMPLETE": "complete_bash"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.split()


def test_the_shell_completes_verbs_scenarios_files_runs_and_kinds(toy):
    (toy / "runs" / "one").mkdir(parents=True)
    (toy / "runs" / "one" / "scenario.yaml").touch()

    assert completed("sdesim va", toy) == ["validate"]
    assert completed("sdesim run double-", toy) == ["double-descent", "double-well-escape"]
    assert completed("sdesim validate to", toy) == ["toy.yaml"]
    assert completed("sdesim show ru", toy) == ["runs/one"]
    assert completed("sdesim explain baoa", toy) == ["baoab"]
