"""A run that goes on is the later part of the one that went through, to the bit; else it is refused."""

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, schedules, surfaces, walls
from sdesim.errors import SdesimError

# Noises with a memory on a surface on which other tests have them too: drivers take their time to compile.
WELL, BOWL = surfaces.DoubleWell(), surfaces.Quadratic([1.0])
GAUSSIAN = noise.Gaussian(diffusion=0.3)
# An odd step, in the middle of a pair.
FIRST, LATER = 37, 26


def simulated(*noises, surface=WELL, **options):
    return sdesim.simulate(
        surface, list(noises),
        **({"dt": 0.05, "trajectories": 5, "seed": 11, "save_every": 1, "progress": False} | options),
    )  # fmt: skip


def assert_goes_on(*noises, out=None, **options):
    whole = simulated(*noises, steps=FIRST + LATER, **options)
    first = simulated(*noises, steps=FIRST, out=out, **options)
    later = simulated(
        *noises,
        steps=LATER,
        continue_from=first if out is None else out,
        seed=None,
        trajectories=None,
        **options,
    )
    assert later.step.values.tolist() == list(range(FIRST, FIRST + LATER + 1))
    assert set(later.data_vars) == set(whole.data_vars)
    for name in whole.data_vars:
        there = whole[name].isel(step=slice(FIRST, None)) if "step" in whole[name].dims else whole[name]
        if "probe" in there.dims:
            there = there.isel(probe=whole.probe_step.values >= FIRST)
        np.testing.assert_array_equal(there.values, later[name].values, err_msg=str(name))
    assert later.time.values.tolist() == whole.time.values[FIRST:].tolist()
    assert later.attrs["continued_from_step"] == FIRST
    assert "continued_with_other" not in later.attrs
    return whole


@pytest.mark.parametrize("stop", [False, True])
def test_exits_and_times_in_wells_go_on(stop):
    watched = [events.Exit(-1.5, 1.5, stop=stop), events.Occupancy()]

    whole = assert_goes_on(GAUSSIAN, events=watched)

    # Some had left before, some leave after.
    times = whole["exit_time"].values
    assert (times < FIRST * 0.05).any()
    assert (times > FIRST * 0.05).any()


@pytest.mark.parametrize(
    "driving",
    [
        noise.Coloured(0.5, 0.4), noise.Telegraph(3.0, 0.2), noise.Fractional(0.7, 0.3),
        noise.Gaussian(diffusion=schedules.Logarithmic(0.5)),
    ],
)  # fmt: skip
def test_noises_with_a_memory_go_on(driving):
    assert_goes_on(driving, surface=BOWL)


def test_momentum_goes_on_from_disk(tmp_path):
    assert_goes_on(GAUSSIAN, surface=BOWL, scheme="heavy-ball", out=tmp_path / "first.zarr")


def test_readings_stand_at_the_same_steps_with_the_same_numbers():
    assert_goes_on(GAUSSIAN, probes=sdesim.Probes(every=4, samples=8, curvature_every=2, trajectories=2))


def test_single_precision_goes_on():
    assert_goes_on(GAUSSIAN, dtype="float32")


def test_overshoots_and_what_was_thrown_across_are_counted_on():
    jumps = noise.Stable(1.5, 3.0)
    whole = assert_goes_on(jumps, scheme="euler-maruyama")
    assert whole["explicit_overshoots"].values.sum() > 0


def test_lost_trajectories_stay_lost():
    first = simulated(GAUSSIAN, steps=20, theta0=[[1.0], [90.0]], trajectories=2)

    later = simulated(GAUSSIAN, steps=5, continue_from=first, seed=None, trajectories=None)

    assert later["status"].values.tolist() == [0, 1]
    assert later["stopped_step"].values.tolist() == [25, int(first["stopped_step"].values[1])]
    assert np.isnan(later["theta"].values[1]).all()


def test_an_interrupted_run_that_went_on_is_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr("sdesim.engine.checkpoint.Checkpoint.due", lambda self: True)
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 20.0)
    first = simulated(GAUSSIAN, steps=FIRST)
    later = {"steps": LATER, "continue_from": first, "seed": None, "trajectories": None}
    wanted = simulated(GAUSSIAN, **later)

    def stop(done, total):
        if done > FIRST + 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulated(GAUSSIAN, out=tmp_path / "later.zarr", **(later | {"progress": stop}))
    found = simulated(GAUSSIAN, out=tmp_path / "later.zarr", resume=True, **later)

    np.testing.assert_array_equal(wanted["theta"].values, found["theta"].values)


def test_other_parameters_are_told(tmp_path):
    run = simulated(noise.Gaussian(diffusion=0.25), steps=4)

    with pytest.warns(UserWarning, match=r"goes on with other parameters than the run had: noise 0$"):
        other = simulated(noise.Gaussian(diffusion=0.5), steps=4, continue_from=run)
    with pytest.warns(UserWarning, match="than the run had: surface$"):
        simulated(
            noise.Gaussian(diffusion=0.25),
            steps=4,
            continue_from=run,
            surface=surfaces.DoubleWell(barrier=2.0),
        )
    assert other.attrs["continued_with_other"] == ["noise 0"]
    same = simulated(noise.Gaussian(diffusion=0.25), steps=4, continue_from=run)
    assert "continued_with_other" not in same.attrs


def test_what_can_not_go_on_is_refused_with_the_reason():
    first = simulated(GAUSSIAN, steps=4)
    onward = {"steps": 4, "continue_from": first, "seed": None, "trajectories": None}

    def refused(words, *noises, **options):
        with pytest.raises(SdesimError, match=words):
            simulated(*(noises or [GAUSSIAN]), **(onward | options))

    refused("dt: found 0.1, allowed: 0.05, that of the run which is continued", dt=0.1)
    refused("seed: found 3, allowed: 11", seed=3)
    refused("trajectories: found 2, allowed: 5", trajectories=2)
    refused("first: found 2, allowed: 0", first=2)
    refused("theta0: found one beside continue_from", theta0=0.0)
    refused("scheme: found heun, allowed: euler-maruyama", scheme="heun")
    refused("noise: found Stable, allowed: Gaussian", noise.Stable(1.5, 0.1))
    refused("boundary: found Reflecting.*, allowed: none", boundary=[walls.Reflecting(-9.0, 9.0)])
    refused("events: found x0 outside .*, allowed: none", events=[events.Exit(-9.0, 9.0)])
    refused("continue_from: found int, allowed: a run of simulate", continue_from=3)
    refused("the run keeps no theta", continue_from=simulated(GAUSSIAN, steps=4, save="loss"))
    refused("found a run with refine=2", continue_from=first.assign_attrs(refine=2))
    refused("not numbered one after another", continue_from=first.isel(trajectory=[0, 2]))
    refused("its last saved step is not its last", continue_from=first.isel(step=slice(3)))
    ball = simulated(GAUSSIAN, steps=4, scheme="heavy-ball").drop_vars("final_velocity")
    refused("the run keeps no velocities", continue_from=ball, scheme="heavy-ball")
    coloured = noise.Coloured(0.5, 0.4)
    forgot = simulated(coloured, steps=4, surface=BOWL).drop_vars("final_noise")
    refused("the run keeps no state of its noise", coloured, continue_from=forgot, surface=BOWL)
    rough = noise.Fractional(0.7, 0.3)
    refused(
        "drawn for the whole path, in a run of 4 steps for 1024 of them: 1025 can't be reached",
        rough, continue_from=simulated(rough, steps=4, surface=BOWL), steps=1021, surface=BOWL,
    )  # fmt: skip
    refused("probes.tangent: found true", probes=sdesim.Probes(tangent=True))


WATCHED = [events.Exit(-1.5, 1.5, stop=False), events.Occupancy()]


@pytest.mark.parametrize(
    ("driving", "surface", "watched"),
    [(GAUSSIAN, WELL, WATCHED), (noise.Coloured(0.5, 0.4), BOWL, []), (noise.Fractional(0.7, 0.3), BOWL, [])],
)
def test_parts_of_an_ensemble_are_those_of_the_whole(driving, surface, watched):
    options = {
        "steps": 40,
        "surface": surface,
        "events": watched,
        "probes": sdesim.Probes(every=20, samples=8, trajectories=3),
    }
    whole = simulated(driving, **options)

    parts = [simulated(driving, first=k, trajectories=n, **options) for k, n in ((0, 2), (2, 2), (4, 1))]

    assert parts[1].trajectory.values.tolist() == [2, 3]
    joined = sdesim.concat_runs(parts[::-1])
    assert joined.trajectory.values.tolist() == [0, 1, 2, 3, 4]
    for name in whole.data_vars:
        np.testing.assert_array_equal(whole[name].values, joined[name].values, err_msg=str(name))
    assert joined.attrs["probe_trajectories"] == 3
    onward = {"surface": surface, "events": watched, "seed": None, "trajectories": None}
    later = simulated(driving, steps=5, continue_from=parts[1], **onward)
    assert later.trajectory.values.tolist() == [2, 3]


def test_numbers_of_trajectories_end_where_the_generator_does():
    simulated(GAUSSIAN, steps=1, first=2**32 - 5)
    with pytest.raises(SdesimError, match=r"fewer than 2\^32 trajectories"):
        simulated(GAUSSIAN, steps=1, first=2**32 - 4)
    with pytest.raises(SdesimError, match="first must be"):
        simulated(GAUSSIAN, steps=1, first=-1)
