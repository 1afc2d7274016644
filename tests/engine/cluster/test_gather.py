"""An ensemble on a cluster has the bits of one process, whatever its blocks, and loses none that was done."""

import threading

import numpy as np
import pytest

import sdesim
from sdesim.engine.cluster import gather, sizing, tasks
from sdesim.engine.cluster.state import State
from sdesim.errors import RunError, SdesimError
from sdesim.io.places import place
from tests.engine.cluster.clustered import assert_same, walk


@pytest.fixture
def small(monkeypatch):
    """Five blocks."""
    monkeypatch.setattr(sizing, "block_size", lambda *_: 64)


@pytest.mark.parametrize(("size", "branch"), [(64, 1), (64, 2), (64, 16), (256, 1)])
def test_a_run_in_memory_has_the_bits_of_one_process(client, single, monkeypatch, size, branch):
    monkeypatch.setattr(sizing, "block_size", lambda *_: size)
    monkeypatch.setattr(sizing, "branch_size", lambda *_: branch)

    found = walk(cluster=client)

    assert_same(found, single)
    assert {k: str(v) for k, v in found.attrs.items() if k != "wall_time"} == {
        k: str(v) for k, v in single.attrs.items() if k != "wall_time"
    }


def test_workers_that_are_gone_when_they_are_timed_are_not_waited_for(client, single, monkeypatch):
    # Killed after the scheduler has told of it, and started again at another address.
    monkeypatch.setattr(client, "nthreads", lambda: {"tcp://127.0.0.1:9": 1})

    found = []
    thread = threading.Thread(target=lambda: found.append(walk(cluster=client)), daemon=True)
    thread.start()
    thread.join(60)

    assert found, "waits for ever"
    assert_same(found[0], single)


def test_workers_write_their_own_regions_of_a_stored_run(client, tmp_path):
    probes = sdesim.Probes(every=60, samples=2, trajectories=66, estimators=("gradient",))

    found = walk(cluster=client, out=tmp_path / "run.zarr", probes=probes)

    assert_same(found.load(), walk(threads=1, probes=probes))
    assert "unverified" not in found.attrs
    assert [p.name for p in tmp_path.iterdir()] == ["run.zarr"]


def test_a_stored_run_resumes_with_the_blocks_that_are_left(client, tmp_path, small, monkeypatch):
    out, sent = tmp_path / "run.zarr", []
    taken = State.take

    def take(self, block):
        if self.done.sum() == 3:
            raise RunError("the Dask scheduler at tcp://127.0.0.1:1 was lost")
        taken(self, block)

    monkeypatch.setattr(State, "take", take)
    with pytest.raises(RunError, match=r"was lost; .*run\.zarr keeps its finished blocks, and resume=True"):
        walk(probes=None, cluster=client, out=out)

    def noting(self, block):
        sent.append(block.number)
        taken(self, block)

    monkeypatch.setattr(State, "take", noting)
    with pytest.raises(RunError, match="was begun on a cluster: go on with cluster="):
        walk(probes=None, out=out, resume=True)
    found = walk(probes=None, cluster=client, out=out, resume=True)

    assert len(sent) == 2
    single = walk(probes=None, threads=1)
    assert_same(found.load(), single)
    assert_same(walk(probes=None, cluster=client, out=out, resume=True), single)


def test_a_run_goes_on_from_another(client, single):
    plain = {"theta0": None, "reduce": [], "probes": None}
    whole = walk(**plain, steps=120)
    half = walk(**plain)

    gone = walk(**plain, continue_from=half, trajectories=None, seed=None, cluster=client)

    part = whole.sel(step=gone["step"])
    for name in ("theta", "loss"):
        np.testing.assert_array_equal(gone[name], part[name])


def test_functions_of_the_caller_travel(client):
    surface = sdesim.surfaces.custom(lambda x: 0.5 * x[0] ** 2, lambda x: (x[0],), dim=1)

    found = sdesim.simulate(
        surface, dt=0.5, steps=10, trajectories=70, theta0=1.0, progress=False, cluster=client
    )

    # Gradient descent halves it, exactly.
    np.testing.assert_array_equal(found["theta"][:, :, 0], np.broadcast_to(0.5 ** np.arange(11), (70, 11)))


def test_a_failing_block_is_told_in_one_line(client, monkeypatch):
    monkeypatch.setattr(
        tasks, "code", lambda: ("sdesim's code of yesterday", "python 2", "numpy 1", "numba 0")
    )

    with pytest.raises(
        SdesimError, match="a worker runs other code, which may give other bits: sdesim's code"
    ):
        walk(cluster=client)


def test_progress_is_told_in_steps(client, small):
    told = []

    walk(cluster=client, progress=lambda done, total: told.append((done, total)))

    assert told[0] == (0, 60)
    assert told[-1] == (60, 60)
    assert len(told) == 6


def test_workers_write_their_own_regions_of_a_run_in_an_object_store(client, s3):
    url = f"{s3}/gathered.zarr"

    found = walk(cluster=client, out=url, probes=None)

    assert_same(found.load(), walk(threads=1, probes=None))
    assert "unverified" not in found.attrs
    assert [p.name for p in place(s3).iterdir()] == ["gathered.zarr"]
    chunk = place(url) / "status" / "c" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"gathered\.zarr: chunk status/c/0 is cut off"):
        sdesim.open_run(url)
    chunk.unlink()
    with pytest.raises(RunError, match=r"gathered\.zarr: chunk status/c/0 is missing"):
        sdesim.open_run(url)
    with pytest.raises(
        RunError, match=r"can't write s3://elsewhere/run\.zarr\.lock: .*bucket does not exist"
    ):
        walk(cluster=client, out="s3://elsewhere/run.zarr", probes=None)


def test_a_worker_that_does_not_see_where_it_is_to_write_is_told_in_one_line(client, monkeypatch):
    store = place("memory://gather/run.zarr")

    def elsewhere(root, read_only=False):
        return place("memory://another/run.zarr").store(read_only)

    monkeypatch.setattr(gather, "waiting", _after(gather.waiting, monkeypatch, elsewhere))
    with pytest.raises(RunError, match=r"^memory://gather/run\.zarr is not seen by a worker") as error:
        walk(cluster=client, out=str(store), probes=None)
    assert "\n" not in str(error.value)
    store.parent.remove_tree()
    place("memory://another").remove_tree()


def _after(function, monkeypatch, elsewhere):
    """The function, from whose first call on workers look elsewhere."""

    def called(*arguments):
        monkeypatch.setattr("sdesim.runs.store.zarr_store", elsewhere)
        return function(*arguments)

    return called
