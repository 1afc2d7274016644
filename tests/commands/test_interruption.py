"""What is said of how to go on."""

from __future__ import annotations

import sys

import pytest

from sdesim.commands.interruption import (
    InterruptedVerb,
    interruptible,
    resuming,
    same_command_resuming,
)


def test_the_command_that_goes_on_can_be_pasted_into_a_shell(monkeypatch, tmp_path):
    assert resuming(tmp_path / "x", ["mine"]) == ["sdesim", "resume", str(tmp_path / "x"), "--trust", "mine"]
    monkeypatch.setattr(sys, "argv", ["/bin/sdesim", "sweep", "a b.yaml", "--set", "x=[1, 2]"])
    (tmp_path / "INCOMPLETE").touch()

    with (
        pytest.raises(InterruptedVerb) as stopped,
        interruptible(tmp_path, same_command_resuming()),
    ):
        raise KeyboardInterrupt

    told = "interrupted; sdesim sweep 'a b.yaml' --set 'x=[1, 2]' --resume goes on with it"
    assert str(stopped.value) == told
    monkeypatch.setattr(sys, "argv", ["sdesim", "sweep", "a.yaml", "--resume"])
    assert same_command_resuming() == ["sdesim", "sweep", "a.yaml", "--resume"]


def test_where_nothing_was_written_there_is_nothing_to_go_on_with(tmp_path):
    with (
        pytest.raises(InterruptedVerb, match="interrupted; nothing was written"),
        interruptible(tmp_path, []),
    ):
        raise KeyboardInterrupt


def test_an_interruption_of_a_class_body_is_one_though_python_calls_it_a_runtime_error(tmp_path):
    class Slow:
        def __set_name__(self, owner, name):
            raise KeyboardInterrupt

    with pytest.raises(InterruptedVerb), interruptible(tmp_path, []):
        type("Owner", (), {"slow": Slow()})
    with pytest.raises(RuntimeError, match="mine"), interruptible(tmp_path, []):
        raise RuntimeError("mine")


def test_an_error_that_is_its_own_cause_is_no_interruption(tmp_path):
    error = RuntimeError("mine")
    error.__cause__ = error

    with pytest.raises(RuntimeError, match="mine"), interruptible(tmp_path, []):
        raise error
