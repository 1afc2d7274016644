"""An interrupted simulation goes on to the same bits."""

from functools import cache

import numpy as np
import pytest

import sdesim
from sdesim.errors import RunError
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
    assert _walk(tmp_path / "a.zarr", 2.0, resume=True).attrs["complete"]
    with pytest.warns(UserWarning, match="was made before .*grad.rate changed.*: it is given back as it is"):
        _walk(tmp_path / "a.zarr", 3.0, resume=True, accept_changes=True)
    with pytest.raises(RunError, match=r"other arguments \(seed was 1, is 2"):
        _walk(tmp_path / "a.zarr", 2.0, resume=True, accept_changes=True, seed=2)
