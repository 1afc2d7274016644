"""Saved points: how often and where they are saved changes no bit."""

import xarray as xr

import sdesim
from tests.engine.simulated import same_bits, simulate


def test_saving_more_often_gives_the_same_bits(case):
    sparse, dense = simulate(case, save_every=41), simulate(case, save_every=1)

    assert same_bits(sparse.theta.values[:, -1].copy(), dense.theta.values[:, -1].copy())


def test_a_run_on_disk_equals_the_run_in_memory(case, tmp_path):
    memory = simulate(case, probes=sdesim.Probes(every=20, samples=4))
    disk = simulate(case, probes=sdesim.Probes(every=20, samples=4), out=tmp_path / "run.zarr")

    volatile = ("wall_time", "fingerprint", "coordinates")
    xr.testing.assert_identical(memory.drop_attrs(), disk.load().drop_attrs())
    for key, value in memory.attrs.items():
        assert key in volatile or disk.attrs[key] == value, key
