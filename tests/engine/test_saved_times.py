"""How long a run goes on and at which steps it is saved, by times: exact, or refused in one line."""

import numpy as np
import pytest
import xarray as xr

import sdesim
from sdesim import events, noise, surfaces
from sdesim.engine.saved_times import steps_of, steps_to_save, time_problems
from sdesim.errors import SdesimError
from tests.engine.simulated import same_bits

WELL, HEAT = surfaces.DoubleWell(), [noise.Gaussian(diffusion=0.1)]
COMMON = {"dt": 0.1, "trajectories": 3, "seed": 1, "progress": False}


def simulated(**changes):
    return sdesim.simulate(WELL, HEAT, **(COMMON | changes))


def test_a_run_to_a_time_saved_at_times_is_the_run_of_steps_at_those_steps(tmp_path):
    whole = simulated(steps=1000, save_every=1)
    kept = simulated(T=100, save_at=[0.1, 1, 10, 100])
    stored = simulated(T=100, save_at=np.array([0.1, 1, 10, 100]), out=tmp_path / "run.zarr")

    # 3 · 0.1 is no 0.3 in doubles: a time is its step's number times dt, to the bit.
    assert kept["time"].values.tolist() == [k * 0.1 for k in (1, 10, 100, 1000)]
    for name in ("theta", "loss", "weight_norm"):
        assert same_bits(kept[name].values, whole[name].sel(step=kept.step).values), name
    xr.testing.assert_identical(kept.drop_attrs(), stored.load().drop_attrs())
    assert kept.attrs["steps"] == 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "steps: found neither, allowed: exactly one of steps and T"),
        ({"T": 1.0, "steps": 10}, "T: found steps = 10 and T = 1, allowed: exactly one of steps and T"),
        ({"T": 1.05}, "T: found 1.05, allowed: multiples of dt = 0.1 above 0; the nearest: 1 and 1.1"),
        ({"T": -1}, "T must be above 0, got -1"),
        ({"save_at": [0.2, 0.1]}, "save_at[1]: found 0.1 after 0.2, allowed: times that increase"),
        ({"save_at": [0.2, 0.2]}, "save_at[1]: found 0.2 after 0.2, allowed: times that increase"),
        ({"save_at": [0.15]}, "save_at[0]: found 0.15, allowed: multiples of dt = 0.1 from 0 on; the"),
        ({"save_at": [-0.1]}, "save_at[0]: found -0.1, allowed: multiples of dt = 0.1 from 0 on"),
        ({"save_at": [np.nan]}, "save_at[0]: found nan, allowed: multiples of dt = 0.1 from 0 on"),
        ({"save_at": [0.5, 2]}, "save_at[1]: found 2, allowed: at most 1, the end of the run"),
        ({"save_at": []}, "save_at: found [], allowed: times from 0 on, one or several"),
        ({"save_at": "often"}, "save_at: found 'often', allowed: times from 0 on, one or several"),
        ({"save_at": 0.5, "save_every": 2}, "save_at: found save_every too, allowed: one of"),
    ],
)
def test_what_no_run_can_be_saved_at_is_refused_in_one_line_and_nothing_is_written(
    tmp_path, arguments, message
):
    length = {} if {"T", "steps"} & set(arguments) or not arguments else {"T": 1.0}

    with pytest.raises(SdesimError) as caught:
        simulated(**length, **arguments, out=tmp_path / "run.zarr")

    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())


def test_a_time_is_a_multiple_within_its_rounding_and_no_further():
    # Ten thousand sums, each off by half a rounding of 10 at most: 10⁴ · 2⁻⁵⁰, which is below 10⁻⁷ of a step.
    summed = np.cumsum(np.full(10**4, 1e-3))[-1]

    assert summed != 10.0
    assert steps_of(1e-3, None, summed) == 10**4
    assert not list(time_problems(1e-3, T=summed, save_at=[0.3, summed]))
    assert steps_to_save(1e-3, 10**4, None, [0, 0.3, summed]).tolist() == [0, 300, 10**4]
    assert list(time_problems(1e-3, T=10.0 + 2e-9))
    # Half a step stays half a step, however many there are.
    assert list(time_problems(1.0, T=2**32 + 0.5))


def test_what_is_not_asked_for_is_not_kept_and_the_run_says_so():
    alone, nothing = simulated(T=1, save="theta"), simulated(T=1, save=())
    norm = simulated(T=1, save=["weight_norm"])

    assert set(alone.data_vars) == {"theta", "status", "stopped_step"}
    assert set(nothing.data_vars) == {"status", "stopped_step"}
    assert same_bits(norm["weight_norm"].values, simulated(T=1)["weight_norm"].values)
    assert alone.attrs["absent"].startswith("loss")
    # Gradients and curvature are of the loss, and are measured all the same.
    probed = sdesim.measure(simulated(T=1, save="theta", probes=sdesim.Probes(every=5, samples=8)))
    assert {"C_alpha", "phase"} <= set(probed.data_vars)
    with pytest.raises(sdesim.errors.RunError, match="found quantity 'loss', allowed: "):
        alone.sdesim.quantity("loss")


def test_the_dimension_of_a_path_that_was_saved_unevenly_says_so():
    probes = sdesim.Probes(every=100, samples=4, estimators=["gradient"])
    even, uneven = (
        simulated(T=20, probes=probes, **{name: value})
        for name, value in (("save_every", 1), ("save_at", 0.1 * np.unique(np.geomspace(1, 200, 80).round())))
    )

    flags = [
        sdesim.measure(run)["trajectory_dimension_flags"].values[0, -1].split(";") for run in (even, uneven)
    ]

    assert [("uneven_steps" in found) for found in flags] == [False, True]


def test_a_watch_goes_on_to_the_end_of_the_run_where_the_last_saved_time_comes_before():
    leaving = events.Exit(upper=1.5)
    short, whole = (simulated(T=5, save_at=at, events=leaving) for at in ([0.1, 1], [5]))

    assert sdesim.exit_statistics(short).rate == sdesim.exit_statistics(whole).rate
