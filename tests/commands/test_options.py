"""What all verbs share: bad input is one line and an exit code."""

from __future__ import annotations

import pytest

from tests.commands.calling import call


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nowhere.yaml"), "nowhere.yaml: no such file"),
        (("run", "quickstrt"), "did you mean 'quickstart'?"),
        (("run", "toy.yaml", "--set", "arms.sde.simulate.stepz=1"), "unknown field, did you mean 'steps'?"),
        (("run", "toy.yaml", "--set", "steps"), "--set: found 'steps', allowed: PATH=VALUE"),
        (("run", "toy.yaml", "toy.yaml"), "same name"),
        (("run", "toy.yaml", "quickstart", "--out", "x"), "--out names one run directory"),
        (("run", "toy.yaml", "--threads", "0"), "threads"),
        (("run", "toy.yaml", "--out", "toy.yaml"), "toy.yaml exists already"),
        (("run", "toy.yaml", "--out", ".", "--overwrite"), "is not a run directory"),
        (("run", "toy.yaml", "--frobnicate"), "No such option"),
        (("frobnicate",), "No such command"),
        (("run",), "Missing argument"),
        (("show", "nowhere"), "no run at nowhere"),
        (("compare", "a:b", "c"), "no run at"),
        (("report", "."), "not a finished run directory"),
    ],
)
def test_bad_input_is_one_line_on_stderr_and_exit_code_2_and_nothing_is_written(
    toy, capsys, arguments, message
):
    assert call(*arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(p.name for p in toy.iterdir()) == ["toy.yaml"]


@pytest.mark.parametrize("verb", ["rerun", "watch", "advise"])
def test_a_verb_that_reads_folders_alone_refuses_a_url_as_one(verb, capsys):
    assert call(verb, "memory://a/run") == 2
    assert capsys.readouterr().err == (
        "sdesim: found memory://a/run, allowed: a path of this machine for this verb\n"
    )
