"""An interrupted simulation goes on to the same bits."""

from functools import cache

import numpy as np
import pytest

import sdesim
from sdesim.engine.checkpoint import Checkpoint
from sdesim.errors import RunError
from sdesim.io.places import place
from sdesim.io.sealed import read_sealed, write_sealed
from sdesim.runs import RunWriter
from sdesim.surfaces import custom
from tests.engine.simulated import CASES, same_bits, simulate


def test_a_resumed_run_has_the_same_bits(case, tmp_path, monkeypatch):
    probes = sdesim.Probes(every=10, samples=4)
    whole = simulate(case, probes=probes)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 20:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with pytest.raises(Stopped):
        simulate(case, probes=probes, out=tmp_path / "run.zarr", progress=stop)
    assert not sdesim.open_run(tmp_path / "run.zarr").attrs["complete"]
    resumed = simulate(case, probes=probes, out=tmp_path / "run.zarr", resume=True)

    assert resumed.attrs["complete"]
    for name in whole.data_vars:
        assert same_bits(whole[name].values, resumed[name].values), name


def test_a_run_of_several_stored_chunks_interrupted_inside_one_has_the_same_bits(tmp_path, monkeypatch):
    arguments = {"steps": 1700, "save_every": 2, "probes": sdesim.Probes(every=130, samples=4)}
    whole = simulate(CASES["double-well"], **arguments)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 910:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with pytest.raises(Stopped):
        simulate(CASES["double-well"], out=tmp_path / "run.zarr", progress=stop, **arguments)
    resumed = simulate(CASES["double-well"], out=tmp_path / "run.zarr", resume=True, **arguments)

    assert whole.sizes["step"] == 851
    for name in whole.data_vars:
        assert same_bits(whole[name].values, resumed[name].values), name


def test_a_run_killed_after_its_last_step_is_finished_by_resuming(tmp_path, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(RunWriter, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            simulate(CASES["double-well"], out=tmp_path / "run.zarr")
    resumed = simulate(CASES["double-well"], out=tmp_path / "run.zarr", resume=True)

    assert resumed.attrs["complete"]
    assert (resumed.stopped_step.values == 41).all()
    assert same_bits(resumed.theta.values, simulate(CASES["double-well"]).theta.values)


def test_resuming_with_other_arguments_is_refused(tmp_path):
    simulate(CASES["double-well"], out=tmp_path / "run.zarr")

    with pytest.raises(RunError, match=r"other arguments \(seed was 3, is 4\): choose another out"):
        simulate(CASES["double-well"], out=tmp_path / "run.zarr", resume=True, seed=4)


@cache
def _bowl(rate):
    return custom(lambda x: 0.5 * rate * np.sum(x * x), lambda x: rate * x, dim=1, start=[1.0])


def _walk(out, rate=1.0, **changes):
    settings = {"dt": 0.1, "steps": 40, "save_every": 1, "seed": 1, "progress": False} | changes
    return sdesim.simulate(_bowl(rate), out=out, **settings)


def test_code_that_was_edited_is_taken_where_that_is_accepted_and_the_run_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 1.0)

    def stop(done, total):
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _walk(tmp_path / "a.zarr", progress=stop)
    words = r"with other code \(.*constant grad.rate changed.*\): accept_changes=True \(--accept-changes\)"
    with pytest.raises(RunError, match=words):
        _walk(tmp_path / "a.zarr", 2.0, resume=True)
    run = _walk(tmp_path / "a.zarr", 2.0, resume=True, accept_changes=True)

    # Euler's method by hand: 20 steps of 1 − 0.1, then 20 of 1 − 0.2.
    theta = run.theta.values[0, :, 0]
    np.testing.assert_allclose(theta[[20, 40]], [0.9**20, 0.9**20 * 0.8**20], rtol=1e-12)
    assert len(run.attrs["accepted_changes"]) == 1
    assert "constant grad.rate changed" in run.attrs["accepted_changes"][0]
    # From here on it is the edited code's.
    before = tmp_path.stat().st_mtime_ns
    assert _walk(tmp_path / "a.zarr", 2.0, resume=True).attrs["complete"]
    # What is whole may lie where nothing can be written: not even a lock is made.
    assert tmp_path.stat().st_mtime_ns == before
    with pytest.warns(UserWarning, match="was made before .*grad.rate changed.*: it is given back as it is"):
        _walk(tmp_path / "a.zarr", 3.0, resume=True, accept_changes=True)
    with pytest.raises(RunError, match=r"other arguments \(seed was 1, is 2"):
        _walk(tmp_path / "a.zarr", 2.0, resume=True, accept_changes=True, seed=2)


def _interrupted(out, monkeypatch, seconds=0.0):
    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", seconds)
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 1.0)

    def stop(done, total):
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _walk(out, progress=stop)


def test_a_state_that_was_cut_off_or_edited_is_refused_in_one_line(tmp_path, monkeypatch):
    out = tmp_path / "a.zarr"
    _interrupted(out, monkeypatch)
    file = tmp_path / "a.zarr.checkpoint"
    whole = file.read_bytes()
    state = read_sealed(file, "")
    for edit, words in (
        ({"step": np.array(10**12)}, "of a step that this simulation doesn't have"),
        ({"step": np.array(-1)}, "of a step that this simulation doesn't have"),
        ({"step": np.array(20.0)}, "of a step that this simulation doesn't have"),
        ({"x": state["x"][:, :0]}, "has no x of this simulation"),
        ({"code": state["code"].astype(np.float64)}, "has no code of this simulation"),
    ):
        write_sealed(file, state | edit)
        with pytest.raises(RunError, match=words):
            _walk(out, resume=True)
    for content in (b"", b"nothing", whole[:200], whole[:-1]):
        file.write_bytes(content)
        with pytest.raises(RunError, match=r"can't be read .*: remove it and a\.zarr") as error:
            _walk(out, resume=True)
        assert "\n" not in str(error.value)

    file.write_bytes(whole)
    assert same_bits(_walk(out, resume=True).theta.values, _walk(None).theta.values)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(tmp_path, monkeypatch):
    out = tmp_path / "a.zarr"
    _interrupted(out, monkeypatch, np.inf)
    (tmp_path / "b.zarr" / "theta").mkdir(parents=True)

    assert not (tmp_path / "a.zarr.checkpoint").exists()
    for begun in (out, tmp_path / "b.zarr"):
        assert same_bits(_walk(begun, resume=True).theta.values, _walk(None).theta.values)
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match="is no run; choose another path"):
        _walk(tmp_path / "c.zarr", resume=True)


def test_a_run_that_is_moved_while_it_is_made_ends_at_once_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 1.0)
    told = []

    def move(done, total):
        told.append(done)
        if done == 10:
            (tmp_path / "a.zarr").rename(tmp_path / "b.zarr")

    with pytest.raises(RunError, match=r"a\.zarr was moved or removed while"):
        _walk(tmp_path / "a.zarr", progress=move)

    assert told[-1] == 10
    assert [path.name for path in tmp_path.iterdir()] == ["b.zarr"]


def test_a_run_at_a_url_is_interrupted_resumed_and_refused_as_one_on_a_disk(monkeypatch):
    out = "memory://checkpoint/a.zarr"
    folder = place(out).parent
    folder.remove_tree()
    _interrupted(out, monkeypatch)

    assert sorted(p.name for p in folder.iterdir()) == ["a.zarr", "a.zarr.checkpoint"]
    with pytest.raises(RunError, match=r"memory://checkpoint/a\.zarr exists already"):
        _walk(out)
    resumed = _walk(out, resume=True)
    assert same_bits(resumed.theta.values, _walk(None).theta.values)
    assert "unverified" not in resumed.attrs
    assert same_bits(_walk(out, resume=True).theta.values, resumed.theta.values)
    assert [p.name for p in folder.iterdir()] == ["a.zarr"]
    folder.remove_tree()


def test_what_takes_long_is_kept_less_often(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("sdesim.engine.checkpoint.time.monotonic", lambda: now[0])
    kept = Checkpoint(tmp_path / "run.zarr", "key")

    now[0] = 10.0
    assert kept.due()
    # Two seconds are a twentieth of 40.
    kept.took(2.0)
    now[0] = 39.9
    assert not kept.due()
    now[0] = 40.0
    assert kept.due()


@pytest.mark.parametrize("url", [False, True])
def test_a_run_that_was_killed_when_a_chunk_had_grown_since_its_checkpoint_has_the_same_bits(
    url, tmp_path, monkeypatch
):
    arguments = {"steps": 600, "save_every": 1, "probes": sdesim.Probes(every=50, samples=4)}
    out = "memory://grown/a.zarr" if url else tmp_path / "a.zarr"
    looks = iter(range(10**6))

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 400:
            raise Stopped

    # Once, inside the first chunk of 256 steps, which is then written again.
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 1.0)
    monkeypatch.setattr("sdesim.engine.checkpoint.Checkpoint.due", lambda self: next(looks) == 60)
    with pytest.raises(Stopped):
        simulate(CASES["double-well"], out=out, progress=stop, **arguments)
    resumed = simulate(CASES["double-well"], out=out, resume=True, **arguments)

    whole = simulate(CASES["double-well"], **arguments)
    for name in whole.data_vars:
        assert same_bits(whole[name].values, resumed[name].values), name
    assert "unverified" not in resumed.attrs
    place("memory://grown").remove_tree()
