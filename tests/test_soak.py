"""The parts of the soak: what faults do to a folder, how answers are judged, what is counted."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest

import sdesim
from analysis.kills.contents import contents
from analysis.kills.hazards import tear
from analysis.soak.faults import FAULTS
from analysis.soak.report import growth, markdown
from analysis.soak.trials import is_long
from sdesim import noise, surfaces
from sdesim.errors import RunError


@pytest.fixture
def out(tmp_path):
    """A folder with one run that is whole."""
    sdesim.simulate(
        surfaces.DoubleWell(), noise.Gaussian(0.2), dt=0.01, steps=60, trajectories=70, seed=5, save_every=10,
        progress=False, out=tmp_path / "out" / "wide.zarr",
    )  # fmt: skip
    return tmp_path / "out"


@pytest.mark.parametrize("fault", ["a chunk cut off when finished", "a bit of a chunk when finished"])
def test_damage_of_a_finished_run_is_told_when_all_of_it_is_read(out, fault):
    held = contents(out)
    assert contents(out) == held

    assert FAULTS[fault].after(out, random.Random(3))

    with pytest.raises(RunError, match="chunk"):
        contents(out)


def test_a_torn_chunk_is_one_that_a_finished_run_relies_on(out):
    chunk, relied = tear(out, random.Random(1))

    assert relied
    with pytest.raises(RunError, match=f"chunk {chunk} is cut off"):
        contents(out)


def test_there_is_nothing_to_tear_before_the_first_chunk(tmp_path):
    assert tear(tmp_path, random.Random(0)) is None
    assert not FAULTS["checkpoint cut off"].after(tmp_path, random.Random(0))


def test_a_clock_that_is_set_back_is_so_for_whoever_took_it_before():
    code = """
import random, sys, time
from time import time as mine
from analysis.kills.hazards import clock_set_back
before = mine()
clock_set_back(random.Random(0))()
assert before - 86400 <= mine() < before - 60, before - mine()
assert abs(time.time() - mine()) < 60 and abs(time.time_ns() / 1e9 - mine()) < 60
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


JUDGED = [
    (0, "Traceback (most recent call last):", False),
    (-9, "", False),
    (2, "sdesim: out is no run", False),
    (1, "sdesim: a=1: died\nsdesim: a=2: died", False),
    (1, "", True),
    (1, "Traceback (most recent call last):\n  File x\nOSError", True),
]


@pytest.mark.parametrize(("code", "said", "long"), JUDGED)
def test_an_answer_is_lines_of_ours(code, said, long):
    assert is_long(code, said) is long


def test_growth_is_the_slope_of_the_settled_part():
    # 2 MiB a minute after a start in which everything is loaded.
    readings = [{"seconds": 30.0 * k, "study": 100.0 + k + 500.0 * (k < 10)} for k in range(31)]

    found = growth(readings, "study")

    assert found["slope"] == pytest.approx(2.0, rel=1e-12)
    assert (found["least"], found["most"]) == (110.0, 130.0)
    assert found["error"] == pytest.approx(0.0, abs=1e-9)


def test_the_table_counts_by_fault():
    trial = {"work": "sweep", "fault": "SIGKILL", "met": True, "commands": 2, "anew": False, "long": 0}
    found = {
        "minutes": 1.0, "lanes": 1, "seed": 0, "machine": "a machine", "growth": {},
        "trials": [trial | {"outcome": "same bits"}, trial | {"outcome": "lost", "long": 1}],
        "resident": {"rounds": 3, "differing": 0}, "readings": [{"load": 1.0}],
    }  # fmt: skip

    rows = [np.array(line.split(" | ")) for line in markdown(found).splitlines() if line.startswith("| SIG")]

    assert rows[0][1:].tolist() == ["2", "2", "4", "0", "1", "1", "0", "1 |"]
