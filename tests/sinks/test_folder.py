"""The folder that is read while a training goes on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sdesim.errors import RunError
from sdesim.kinds import read
from sdesim.runs.watched import read_watched
from sdesim.sinks import opened
from sdesim.training.monitor.measurement import Measurement
from tests.sinks.rows import measured


def begun(tmp_path):
    return opened(read("sinks", {"kind": "folder", "folder": str(tmp_path / "x")}))


def test_measurements_come_back_as_they_were_and_a_closed_folder_is_finished(tmp_path):
    sink = begun(tmp_path)
    given = [measured(5), measured(9, groups={"0": 0.5}, lambda_crit=20.0, flags=("a",), reasons={"b": "c"})]
    for one in given:
        sink.write(one)
    found = read_watched(tmp_path / "x")
    assert found.state == "running"
    # NaN is equal to no number.
    assert [Measurement.from_dict(m).row() for m in found.readings][1]["lambda_crit"] == 20.0
    assert [repr(Measurement.from_dict(m)) for m in found.readings] == [repr(m) for m in given]

    sink.close()
    assert read_watched(tmp_path / "x").state == "finished"
    sink.write(measured(12))
    assert read_watched(tmp_path / "x").state == "running"
    assert [m["step"] for m in read_watched(tmp_path / "x").readings] == [5, 9, 12]
    sink.close()


def test_readings_of_two_trainings_at_once_are_not_read_as_one(tmp_path):
    first = begun(tmp_path)
    first.write(measured(1))
    second = begun(tmp_path)
    # One that is opened and has nothing to say disturbs nobody.
    first.write(measured(2))
    second.write(measured(1))
    with pytest.raises(RunError, match="another training began to write to"):
        first.write(measured(3))
    first.close()
    second.write(measured(2))

    found = read_watched(tmp_path / "x")
    assert found.state == "running"
    assert [m["step"] for m in found.readings] == [1, 2]
    second.close()


def test_a_training_that_goes_on_from_a_checkpoint_takes_the_place_of_what_came_after(tmp_path):
    for steps in ((1, 5, 9), (6, 9, 11)):
        sink = begun(tmp_path)
        for step in steps:
            sink.write(measured(step))
        sink.close()

    assert [m["step"] for m in read_watched(tmp_path / "x").readings] == [1, 5, 6, 9, 11]


KILLED = """
import os, signal, sys
from sdesim.sinks import FolderSink
from tests.sinks.rows import measured
sink = FolderSink(sys.argv[1])
for step in (1, 2, 3):
    sink.write(measured(step))
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
elif sys.argv[2] == "fail":
    raise ValueError
"""


@pytest.mark.parametrize(
    ("end", "state"), [("kill", "interrupted"), ("fail", "interrupted"), ("", "finished")]
)
def test_a_training_that_is_killed_or_fails_loses_no_measurement_and_one_left_open_has_ended(
    tmp_path, end, state
):
    command = [sys.executable, "-c", KILLED, str(tmp_path / "x"), end]
    subprocess.run(command, check=False, stderr=subprocess.DEVNULL)

    found = read_watched(tmp_path / "x")
    assert (found.state, [m["step"] for m in found.readings]) == (state, [1, 2, 3])


def test_the_run_is_kept_in_place_of_an_earlier_one_and_why_there_is_none_noted(tmp_path):
    sink = begun(tmp_path)
    sink.write(measured(1))
    for text in ("old", "new"):

        def run(out, text=text):
            out.mkdir()
            (out / "zarr.json").write_text(text)

        sink.keep_run(run)
    assert (tmp_path / "x" / "training.zarr" / "zarr.json").read_text() == "new"

    def none(out):
        raise RunError("the batch varies")

    sink.keep_run(none)
    sink.close()
    assert read_watched(tmp_path / "x").no_run == "the batch varies"


def test_the_folder_of_a_scenario_is_refused(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "scenario.yaml").touch()
    with pytest.raises(RunError, match="holds the run of a scenario"):
        begun(tmp_path)


def test_a_disk_that_refuses_the_run_is_told_at_once_and_noted(tmp_path):
    sink = begun(tmp_path)
    sink.write(measured(5))

    def refused(out):
        raise RunError(f"can't write {out}: No space left on device") from OSError(
            28, "No space left on device"
        )

    with pytest.raises(RunError, match=r"can't write .*training\.zarr: No space left"):
        sink.keep_run(refused)
    sink.close()

    assert "No space left on device" in read_watched(tmp_path / "x").no_run
