"""A run that is whole is read once before something goes on with it."""

import subprocess
import sys

import numpy as np
import pytest

from sdesim.errors import RunError
from sdesim.io.lock import lock_beside, locked
from sdesim.runs import RunWriter
from sdesim.runs.finished import check_finished

STEPS = np.arange(600)


@pytest.fixture
def out(tmp_path):
    writer = RunWriter(
        kind="simulated", trajectories=2, steps=STEPS, time=STEPS * 0.1, dim=1, variables=["loss", "status"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=tmp_path / "run.zarr",
    )  # fmt: skip
    writer.write("loss", np.stack([STEPS, -STEPS]))
    writer.finish()
    return tmp_path / "run.zarr"


def test_every_bit_of_every_chunk_counts(out):
    check_finished(out)
    chunks = [p for p in out.rglob("c/**/*") if p.is_file()]
    assert len(chunks) > 5
    for file in chunks:
        whole = file.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            torn = bytearray(whole)
            torn[place] ^= 1
            file.write_bytes(torn)
            with pytest.raises(RunError, match=f"chunk {file.relative_to(out)} is ") as error:
                check_finished(out)
            assert "\n" not in str(error.value)
        file.write_bytes(whole[:-1])
        with pytest.raises(RunError, match="is cut off"):
            check_finished(out)
        file.write_bytes(whole)
    check_finished(out)


def test_what_is_not_there_and_what_was_not_finished_is_refused(out, tmp_path):
    with pytest.raises(RunError, match="no run at"):
        check_finished(tmp_path / "other.zarr")
    (out / "zarr.json").write_text("{}")
    with pytest.raises(RunError, match=r"can't be read as a run|was not finished"):
        check_finished(out)


def test_the_lock_of_a_process_that_was_killed_is_taken_away_and_that_of_one_that_lives_is_not(out):
    lock = lock_beside(out)
    killed = "import os, sys; from pathlib import Path; from sdesim.io.lock import beside\n"
    killed += "with beside(Path(sys.argv[1])): os._exit(9)"
    subprocess.run([sys.executable, "-c", killed, str(out)], check=False)
    assert lock.exists()

    check_finished(out)
    assert [p.name for p in out.parent.iterdir()] == [out.name]

    with locked(out, lock):
        check_finished(out)
        assert lock.exists()
    assert not lock.exists()
