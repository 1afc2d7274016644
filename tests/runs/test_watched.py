"""The folder of a watched training, as it is read."""

from __future__ import annotations

import os
import socket

import pytest

from sdesim.errors import RunError
from sdesim.io.lines import LineFile
from sdesim.runs.watched import READINGS, WatchedReader, is_watched, process_state, read_watched

SESSION = {"session": {"pid": os.getpid(), "host": socket.gethostname(), "began": 0.0}}


def test_each_look_takes_what_is_new_and_the_newest_are_kept(tmp_path):
    file, reader = LineFile(tmp_path / READINGS), WatchedReader(tmp_path, keep=2)
    assert is_watched(tmp_path)
    with pytest.raises(RunError, match="holds no measurement yet"):
        reader.read()

    file.append(SESSION)
    for step in (1, 5, 9):
        file.append({"step": step})
    found = reader.read()
    assert ([r["step"] for r in found.readings], found.count, found.steps) == ([5, 9], 3, 9)
    assert found.state == "running"
    file.append({"step": 12})
    file.append({"no_run": "why"})
    file.append({"ended": 30.0})
    found = reader.read()
    assert ([r["step"] for r in found.readings], found.count) == ([9, 12], 4)
    assert (found.state, found.seconds, found.no_run) == ("finished", 30.0, "why")
    assert found.readings == read_watched(tmp_path).readings[-2:]


def test_a_later_training_takes_the_place_of_what_came_after_its_checkpoint(tmp_path):
    file = LineFile(tmp_path / READINGS)
    for steps in ((1, 5, 9), (6, 11)):
        file.append(SESSION)
        for step in steps:
            file.append({"step": step})

    found = read_watched(tmp_path)
    assert ([r["step"] for r in found.readings], found.count) == ([1, 5, 6, 11], 4)
    # Its pace is of its own steps.
    assert found.steps == 11 - 5


def test_processes_are_running_gone_or_of_elsewhere():
    assert process_state(SESSION["session"]) == "running"
    assert process_state({"pid": 1, "host": "elsewhere"}) == "unknown"


def test_another_file_of_that_name_is_refused(tmp_path):
    (tmp_path / READINGS).write_text('{"step": 1}\n')
    with pytest.raises(RunError, match="holds no measurements of a training: no session"):
        read_watched(tmp_path)
    with pytest.raises(RunError, match="no watched training at"):
        read_watched(tmp_path / "nowhere")
