"""Attributes that every file format takes, and what is read back out of them."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdesim
from sdesim import events, noise, observables, surfaces
from sdesim.runs import open_run
from sdesim.runs.attributes import event_flags, mapped, of_parts, plain, rows
from sdesim.runs.provenance import versions
from tests.engine.simulated import CASES, simulate

HEAT = [noise.Gaussian(diffusion=0.1)]


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    return sdesim.simulate(
        surfaces.DoubleWell(), HEAT, dt=0.05, T=2, trajectories=6, seed=2**63 + 11, progress=False,
        events=events.Exit(upper=1.2), probes=sdesim.Probes(every=20, samples=8),
        observe={"r": observables.Norm()},
        out=tmp_path_factory.mktemp("stored") / "run.zarr",
    )  # fmt: skip


def test_every_value_is_a_number_a_text_or_a_row_of_either():
    given = {
        "true": True, "none": None, "one": np.float64(0.5), "many": np.arange(3), "words": ["a", "b"],
        "nested": [[1.0], [2.0, 3.0]], "map": {"a": [1, None], "b": True}, "mixed": ["a", 1], "empty": [],
        "flags": [True, False], "large": 2**64 - 1,
    }  # fmt: skip

    found = plain(given)

    assert found == {
        "true": 1, "one": 0.5, "many": [0, 1, 2], "words": ["a", "b"], "nested": "[[1.0], [2.0, 3.0]]",
        "map": '{"a": [1, null], "b": true}', "mixed": '["a", 1]', "empty": [], "flags": [1, 0],
        "large": 2**64 - 1,
    }  # fmt: skip
    assert type(found["true"]) is int
    assert plain(found) == found
    for attrs in (given, found):
        assert mapped(attrs, "map") == {"a": [1, None], "b": True}
        assert rows(attrs, "nested") == [[1.0], [2.0, 3.0]]
        assert rows(attrs, "words") == ["a", "b"]
    assert (rows(found, "absent"), mapped(found, "absent"), mapped(found, "true")) == ([], {}, {})
    # Netcdf gives a row of one text back as the text.
    assert rows({"words": "a"}, "words") == ["a"]
    assert event_flags({"exit_flags": ["a;b", ""]}) == event_flags({"exit_flags": [["a", "b"], []]})


def test_the_fields_of_each_noise_stand_in_the_run():
    attrs = simulate(CASES["added"], steps=2).attrs

    assert (attrs["noise_0_kind"], attrs["noise_0_diffusion"]) == ("gaussian", 0.1)
    assert [attrs[f"noise_1_{name}"] for name in ("kind", "alpha", "scale")] == ["stable", 1.8, 0.1]
    assert "noise_1_tempering" not in attrs
    assert plain(of_parts("n", [{"a": np.zeros(3), "b": np.zeros(100), "c": (1, 2)}])) == {
        "n_0_a": [0.0, 0.0, 0.0], "n_0_b": "array of shape (100,)", "n_0_c": [1, 2]
    }  # fmt: skip


def test_a_run_and_what_is_measured_of_it_go_through_netcdf(stored, tmp_path):
    stored.to_netcdf(tmp_path / "run.nc")
    with xr.open_dataset(tmp_path / "run.nc") as file:
        back = file.load()

    xr.testing.assert_equal(back, stored)
    measured = sdesim.measure(stored)
    xr.testing.assert_equal(sdesim.measure(back), measured)
    assert back.attrs["seed"] == 2**63 + 11
    assert json.loads(back.attrs["versions"]) == versions()
    assert sdesim.exit_statistics(back).mean == sdesim.exit_statistics(stored).mean
    measured.to_netcdf(tmp_path / "measured.nc")
    sdesim.concat_runs([stored]).to_netcdf(tmp_path / "joined.nc")


def test_a_run_is_a_table_of_pandas(stored):
    table = stored[["theta", "r"]].to_dataframe().reset_index()

    assert isinstance(table, pd.DataFrame)
    assert len(table) == stored["theta"].size
    assert {"trajectory", "step", "time", "theta", "r"} <= set(table.columns)


def test_chunks_give_arrays_of_dask_with_the_same_numbers(stored):
    source = stored.encoding.get("source") or stored.theta.encoding["source"]

    lazy = open_run(source, chunks={})

    assert lazy["theta"].chunks is not None
    assert lazy["theta"].mean("trajectory").compute().equals(stored["theta"].load().mean("trajectory"))
    xr.testing.assert_equal(sdesim.measure(lazy), sdesim.measure(stored))
    # It reads copies: the caller's arrays stay where they are.
    assert lazy["signal"].chunks is not None


def test_a_run_of_an_earlier_version_opens_with_plain_attributes(stored, tmp_path):
    import shutil

    source = stored.encoding.get("source") or stored.theta.encoding["source"]
    shutil.copytree(source, tmp_path / "old.zarr")
    file = tmp_path / "old.zarr" / "zarr.json"
    held = json.loads(file.read_text())
    del held["attributes"]["manifest"]
    held["attributes"] |= {
        "schema_version": 1, "complete": True, "versions": {"numpy": "2.0"}, "batch_size": None,
        "exit_flags": [["exit_coarse"]],
    }  # fmt: skip
    file.write_text(json.dumps(held))

    run = open_run(tmp_path / "old.zarr")

    assert (run.attrs["complete"], mapped(run.attrs, "versions")) == (1, {"numpy": "2.0"})
    assert "batch_size" not in run.attrs
    assert "exit_coarse" in sdesim.exit_statistics(run).mean.flags
    run.to_netcdf(tmp_path / "old.nc")


def test_a_run_without_probes_says_that_nothing_is_measured():
    bare = sdesim.simulate(surfaces.DoubleWell(), HEAT, dt=0.05, T=0.1, progress=False)

    with pytest.warns(UserWarning, match="the run has no probes, so nothing is measured") as caught:
        found = sdesim.measure(bare)

    assert "\n" not in str(caught[0].message)
    assert not found.data_vars
