"""The study of kills: a simulation that is killed and gone on with ends in the bits of one that was not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(os.name == "nt", reason="forks and signals of POSIX")
def test_a_killed_simulation_ends_in_the_same_bits(tmp_path):
    command = [sys.executable, "-m", "analysis.kills", "--kills", "1", "--only", "simulation"]

    done = subprocess.run(
        [*command, "--signals", "SIGKILL", "--out", tmp_path],
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip

    assert done.returncode == 0, (done.stdout[-1000:], done.stderr[-2000:])
    (row,) = json.loads((tmp_path / "kills.json").read_text())["rows"]
    assert (row["kills"], row["folders"], row["same"], row["lost"]) == (1, row["folders"], row["folders"], [])
    assert row["folders"] >= 1
