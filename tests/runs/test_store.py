"""Runs in memory and on disk: written, read again, joined."""

import shutil

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdesim.errors import RunError
from sdesim.runs import RunWriter, concat_runs, open_run, validate_run
from tests.runs.bowl_run import make_run


def test_a_stored_run_reads_back_as_it_was(tmp_path):
    memory, disk = make_run(), make_run(out=tmp_path / "run.zarr")

    validate_run(memory)
    xr.testing.assert_identical(memory.drop_attrs(), disk.load().drop_attrs())
    assert disk.attrs["complete"]
    assert list(disk["group"].values) == ["a", "b"]
    assert disk["loss"].attrs["units"] == "loss"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 5), st.booleans())
def test_any_shape_survives_the_store(tmp_path_factory, trajectories, steps, dim, real):
    out = tmp_path_factory.mktemp("run") / "run.zarr"
    rng = np.random.default_rng(steps)
    theta = rng.standard_normal((trajectories, steps, dim))
    writer = RunWriter(
        kind="real" if real else "simulated", trajectories=trajectories, steps=np.arange(steps),
        time=np.arange(steps) * 0.1, dim=dim, variables=["loss", "theta", "status"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=out,
    )  # fmt: skip
    for k in range(trajectories):
        writer.write("theta", theta[k], trajectory=k)
    writer.write("loss", theta.sum(axis=2))
    run = writer.finish()

    assert run["theta"].values.tobytes() == theta.tobytes()
    assert run["status"].dtype == np.int8


def test_saved_steps_are_stored_unlooked_at_and_what_is_not_there_is_not(tmp_path):
    out = tmp_path / "run.zarr"
    writer = RunWriter(
        kind="simulated", trajectories=2, steps=np.arange(300), time=np.arange(300) * 0.1, dim=1,
        variables=["loss", "exit_time"], events=["out"], attrs={"seed": 0, "learning_rate": 0.1}, out=out,
    )  # fmt: skip
    writer.write("loss", np.full((2, 256), np.nan), step=slice(0, 256))
    writer.write("exit_time", np.full((2, 1), np.nan))
    run = writer.finish()

    assert [f.name for f in sorted((out / "loss" / "c" / "0").iterdir())] == ["0"]
    assert not (out / "exit_time" / "c").exists()
    assert np.isnan(run["loss"].values).all()
    assert np.isnan(run["exit_time"].values).all()


def test_what_the_disk_refuses_is_the_cause_of_what_is_told(tmp_path):
    out = tmp_path / "run.zarr"
    writer = RunWriter(
        kind="simulated", trajectories=1, steps=[0, 1], time=[0.0, 0.1], dim=1, variables=["loss"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=out,
    )  # fmt: skip
    (out / "loss" / "c").write_bytes(b"a file where chunks belong")

    with pytest.raises(RunError, match=r"can't write .*run\.zarr") as error:
        writer.write("loss", [[1.0, 2.0]])

    assert isinstance(error.value.__cause__, OSError)
    assert error.value.__cause__.__cause__ is None


def test_an_unfinished_run_can_be_read_and_says_so(tmp_path):
    writer = RunWriter(
        kind="simulated", trajectories=1, steps=[0, 1], time=[0.0, 0.1], dim=1, variables=["loss"],
        attrs={"seed": 0, "learning_rate": 0.1}, out=tmp_path / "run.zarr",
    )  # fmt: skip
    writer.write("loss", [[1.0]], step=slice(0, 1))

    run = open_run(tmp_path / "run.zarr")

    assert not run.attrs["complete"]
    assert run["loss"].values[0, 0] == 1.0
    assert np.isnan(run["loss"].values[0, 1])


def test_what_is_not_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="no run"):
        open_run(tmp_path / "nothing.zarr")
    with pytest.raises(RunError, match="no run"):
        open_run(tmp_path)
    with pytest.raises(RunError, match="not part of the run schema"):
        RunWriter(
            kind="real", trajectories=1, steps=[0], time=[0.0], dim=1, variables=["lost"], attrs={}, out=None
        )


def test_runs_join_along_trajectories():
    joined = concat_runs([make_run(), make_run(seed=2)])

    validate_run(joined)
    assert joined.sizes["trajectory"] == 4
    assert joined.trajectory.values.tolist() == [0, 1, 2, 3]
    assert joined.attrs["seeds"] == [1, 2]
    with pytest.raises(RunError, match="learning_rate"):
        concat_runs([make_run(), make_run(learning_rate=0.2)])


def test_a_store_that_is_removed_while_it_is_made_is_one_line(tmp_path, monkeypatch):
    made, out = RunWriter._describe, tmp_path / "run.zarr"

    def removed(writer, group):
        arrays = made(writer, group)
        shutil.rmtree(out)
        return arrays

    monkeypatch.setattr(RunWriter, "_describe", removed)
    with pytest.raises(RunError, match=f"{out} was moved or removed while it was being written"):
        RunWriter(
            kind="simulated", trajectories=1, steps=[0, 1], time=[0.0, 0.1], dim=1, variables=["loss"],
            attrs={}, out=out,
        )  # fmt: skip
    assert not out.exists()
