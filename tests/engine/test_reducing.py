"""Reductions don't depend on how a run is split, into blocks, threads and stretches or by an interruption."""

import numpy as np
import pytest

import sdesim
from sdesim import reductions
from sdesim.engine import ensemble, reducing
from tests.engine.reductions.reduced import ALL, run, walk
from tests.engine.simulated import same_bits


def assert_same(a, b):
    assert set(a.data_vars) == set(b.data_vars)
    for name in a.data_vars:
        assert same_bits(a[name].values, b[name].values), name


@pytest.mark.parametrize(("threads", "block", "rows", "size"), [(1, 64, 64, 10_000), (2, 1024, 128, 50_000)])
def test_blocks_threads_and_stretches_change_no_bit(monkeypatch, threads, block, rows, size):
    monkeypatch.setattr(ensemble, "_BLOCK", block)
    monkeypatch.setattr(reducing, "_ROWS", rows)
    monkeypatch.setattr(reducing, "_TILE_BYTES", size)
    monkeypatch.setattr(reducing, "_STRETCH_BYTES", 10 * size)

    assert_same(walk(threads=threads), run())


def test_blocks_that_are_smaller_than_a_leaf_change_no_bit(monkeypatch):
    monkeypatch.setattr(ensemble, "suitable_lanes", lambda dim: 24)

    assert_same(walk(), run())


def test_a_run_without_paths_has_the_same_reductions():
    bare = walk(save=())

    assert "theta" not in bare
    assert_same(bare, run().drop_vars("theta"))


def test_a_resumed_run_has_the_same_bits(tmp_path, monkeypatch):
    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 100:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 20 * 700 * 2)
    out = tmp_path / "run.zarr"
    with pytest.raises(Stopped):
        walk(out=out, progress=stop)
    resumed = walk(out=out, resume=True)

    assert_same(resumed.load(), run())
    assert resumed["moment"].attrs["units"] == "parameter^order"


def test_every_step_is_looked_at_where_that_is_asked_for():
    each = [type(r)(**{**vars(r), "every": "step"}) for r in ALL if r.kind != "autocorrelation"]
    fine = walk(reduce=[*each, reductions.Autocorrelation([10, 30])])
    often = walk(save_every=1, reduce=[r for r in ALL if r.kind != "autocorrelation"])

    at = fine["step"].values
    for name in ("moment", "histogram", "quantile", "covariance", "minimum", "running_maximum"):
        every = fine[name].values
        assert same_bits(every, often[name].values), name
        if not name.startswith("running"):
            axis = fine[name].dims.index("every_step")
            assert same_bits(np.take(every, at, axis=axis), run()[name].values), name
    np.testing.assert_array_equal(fine["every_step"], np.arange(206))
    np.testing.assert_array_equal(fine["every_live_count"], often["live_count"])
    assert same_bits(fine["autocorrelation"].values, run()["autocorrelation"].values)


def test_fold_merges_neighbours_along_a_tree():
    told = []

    def merge(into, other, params):
        told.append((into[:, 0, 0].tolist(), other[:, 0, 0].tolist()))
        into += other

    nodes = np.array([1.0, 2.0, 4.0, 8.0, 16.0]).reshape(5, 1, 1)

    assert reducing.fold(nodes, merge, np.zeros(0)) == 31.0
    assert told == [([1.0, 4.0], [2.0, 8.0]), ([3.0], [12.0]), ([15.0], [16.0])]


def test_lost_trajectories_are_counted_and_in_no_value():
    # Explicit steps of a quartic this large blow up from the farther starts.
    starts = np.repeat([0.5, 30.0], [90, 10])[:, None]
    blown = sdesim.simulate(
        sdesim.surfaces.DoubleWell(), sdesim.noise.Gaussian(diffusion=0.1), starts, dt=0.01, steps=20,
        trajectories=100, save_every=10, scheme="euler-maruyama", progress=False,
        reduce=[reductions.Moments(1), reductions.Extremes()],
    )  # fmt: skip

    assert blown["lost_count"].values[-1] == 10 == (blown["status"] == 1).sum()
    assert blown["live_count"].values[-1] == 90
    kept = blown["theta"].values[:90, -1, 0]
    np.testing.assert_allclose(blown["moment"].values[0, -1, 0], kept.mean(), rtol=1e-12)
    assert blown["maximum"].values[-1, 0] == kept.max()
    assert reductions.estimate(blown, "moment").flags["trajectories_ended"][0, -1, 0]


def test_lags_of_a_refined_run_are_of_its_own_steps():
    fine = walk(refine=2, events=(), reduce=reductions.Autocorrelation(10))

    x = fine["theta"].values[:, [3, 4], 0]
    found = fine["autocorrelation"].sel(lag=10).isel(step=4, param=0)
    np.testing.assert_allclose(found, np.corrcoef(x.T)[0, 1], rtol=1e-10)


def test_a_run_that_goes_on_begins_its_reductions_anew():
    whole, first = walk(trajectories=130), walk(trajectories=130, steps=100)

    later = walk(trajectories=None, seed=None, steps=105, continue_from=first)

    there = whole.sel(step=later["step"])
    for name in ("moment", "covariance", "histogram", "quantile", "minimum", "live_count", "stopped_count"):
        assert same_bits(later[name].values, there[name].values), name
    # Lags of 10 and 30 steps don't reach back over step 100.
    known = np.isfinite(later["autocorrelation"].values).all(axis=-1)
    assert known[:, :4].tolist() == [[False, True, True, True], [False, False, False, True]]
    at = later["step"].values >= 130
    assert same_bits(later["autocorrelation"].values[:, at], there["autocorrelation"].values[:, at])
