"""The verb advise."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sdesim.sinks import FolderSink
from tests.commands.calling import call
from tests.sinks.rows import measured


@pytest.fixture
def folder(tmp_path):
    """The folder of a monitor."""
    sink = FolderSink(tmp_path / "x")
    for step in (10, 20):
        sink.write(measured(step, batch_size=128, C_1=(1 / 41, 1 / 52, 1 / 33)))
    sink.close()
    return tmp_path / "x"


def test_the_first_two_lines_are_printed_and_all_that_is_known_as_json(folder, capsys):
    assert call("advise", str(folder)) == 0
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "Batch size could be halved: B_crit = 41 [33, 52], you use 128",
        "At batch 64: 1.24 [1.2, 1.29] × the steps, 0.621 [0.602, 0.644] × the examples; "
        "B_crit is the noise scale 1/C_1, within a factor of 2.6 in our study",
    ]

    assert call("advise", str(folder), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [line.lower() for line in found["lines"]] == [line.lower() for line in told]
    assert (found["step"], found["findings"][0]["change"]) == (20, "halve")
    assert found["findings"][0]["values"]["cost"]["batch_size"] == 64


def test_it_needs_no_torch(folder):
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['sdesim', 'advise', sys.argv[1]]; "
        "from sdesim.cli import main; main()"
    )
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Batch size could be halved")


def test_what_holds_no_readings_is_refused_in_a_line(tmp_path, capsys):
    assert call("advise", str(tmp_path / "nowhere")) == 2
    assert capsys.readouterr().err == f"sdesim: no run at {tmp_path / 'nowhere'}\n"
