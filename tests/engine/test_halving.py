"""Steps that are halved: one path at every tolerance, errors that fall with it, and what they refuse."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, surfaces, walls
from sdesim.engine.halving import halvings
from sdesim.engine.walls.kernels import near_mirror
from sdesim.errors import SdesimError

WELL = surfaces.DoubleWell(dim=1)
FIELDS = {"dt": 0.05, "steps": 40, "trajectories": 100, "seed": 3, "save_every": 10, "progress": False}


def walk(tolerance, **changes):
    law = noise.Gaussian(diffusion=0.5)
    return sdesim.simulate(WELL, law, tolerance=tolerance, **(FIELDS | changes))


def test_without_an_error_too_large_the_bits_are_those_of_a_run_without():
    plain, loose = walk(None), walk(np.inf)

    assert loose.theta.values.tobytes() == plain.theta.values.tobytes()
    assert loose.steps_taken.values.tolist() == [40] * 100
    assert "steps_taken" not in plain


def test_the_strong_error_falls_with_the_tolerance_to_the_power_of_two_thirds():
    true = walk(1e-7).theta.values
    tolerances = np.array([1e-2, 1e-3, 1e-4, 1e-5])

    runs = [walk(tolerance) for tolerance in tolerances]

    errors = [np.sqrt(np.mean((run.theta.values - true) ** 2)) for run in runs]
    # An error of h |a′| s is halved at h ~ tol^(2/3), and order 1 in h is order ⅔ in tol.
    slope = np.polyfit(np.log(tolerances), np.log(errors), 1)[0]
    assert 0.55 < slope < 0.8
    assert errors[0] < 0.1
    assert all((run.unmet_steps.values == 0).all() for run in runs)


def test_neighbours_threads_saved_points_and_going_on_change_no_bit(tmp_path, monkeypatch):
    whole = walk(1e-3)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 20:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 100.0 * 10)
    with pytest.raises(Stopped):
        walk(1e-3, out=tmp_path / "run.zarr", progress=stop)
    resumed = walk(1e-3, out=tmp_path / "run.zarr", resume=True)
    for name in ("theta", "steps_taken", "unmet_steps"):
        assert resumed[name].values.tobytes() == whole[name].values.tobytes()

    part = walk(1e-3, first=70, trajectories=30, threads=2, save_every=1)
    assert part.theta.values[:, ::10].tobytes() == whole.theta.values[70:].tobytes()
    on = walk(1e-3, continue_from=walk(1e-3, steps=20), steps=20, trajectories=None, seed=None)
    assert on.theta.values[:, -1].tobytes() == whole.theta.values[:, -1].tobytes()
    assert on.steps_taken.values.tolist() == whole.steps_taken.values.tolist()
    with pytest.raises(SdesimError, match=r"^tolerance: found 0\.1, allowed: 0\.001, as the run"):
        walk(0.1, continue_from=resumed, steps=20, trajectories=None, seed=None)


def test_what_the_smallest_length_leaves_beyond_the_tolerance_is_counted():
    run = walk(1e-9, smallest_dt=0.0125)

    assert run.attrs["smallest_dt"] == 0.0125
    assert (run.steps_taken.values == 4 * 40).all()
    assert (run.unmet_steps.values > 150).all()


def test_halvings_lead_to_no_length_below_the_smallest():
    assert [halvings(0.3, 0.3 / 2**k, 10) for k in (1, 5, 25)] == [1, 5, 25]
    assert halvings(1.0, 0.3, 10) == 1
    # Increments of one length are numbered by 32 bits.
    assert [halvings(1.0, None, steps) for steps in (10, 2**12, 2**12 + 1, 2**20)] == [20, 20, 19, 12]


def test_near_a_wall_the_error_is_the_size_of_the_noise_times_the_chance_to_touch_it():
    slope, sizes, params = np.array([[3.0]]), np.array([0.5]), np.array([0.0, np.inf, 0.0])

    def error(before, after):
        return near_mirror(np.array([[before]]), np.array([[after]]), slope, 0, 0.1, sizes, params)

    assert error(0.2, -0.1) == 0.5 + 0.1 * 3.0
    assert np.isclose(error(0.2, 0.3), 0.5 * np.exp(-2 * 0.2 * 0.3 / 0.25))
    assert error(50.0, 60.0) == 0.0


GAUSSIAN = noise.Gaussian(0.1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"scheme": "baoab"}, "scheme 'baoab', whose steps"),
        ({"dtype": "float32"}, "dtype float32: half increments"),
        ({"events": sdesim.events.Exit(-2, 2)}, "what watches exits"),
        ({"boundary": walls.Absorbing(upper=2)}, "what watches exits"),
    ],
)
def test_what_no_step_can_be_halved_with_is_refused_in_one_line(changes, why):
    with pytest.raises(SdesimError) as caught:
        sdesim.simulate(WELL, GAUSSIAN, **(FIELDS | {"tolerance": 0.01} | changes))
    assert str(caught.value).startswith(f"tolerance: found 0.01, allowed: none with {why}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("law", "why"),
    [
        (noise.Multiplicative(0.1), "found one that depends on θ, whose part of a step's error is not est"),
        (noise.Stable(1.5, 0.1, truncation=1.0), "found one whose increments can't be halved within a step"),
        (noise.Stable(1.5, 0.1, structure="isotropic"), "found one whose increments can't be halved"),
        (noise.Coloured(0.5, 0.1), "found one whose increments can't be halved within a step"),
        (noise.Gaussian(sdesim.schedules.Logarithmic(0.1)), "found one whose increments can't be halved"),
    ],
)
def test_noise_that_cannot_be_halved_is_refused_by_its_number(law, why):
    with pytest.raises(SdesimError) as caught:
        sdesim.simulate(WELL, [GAUSSIAN, law], **(FIELDS | {"tolerance": 0.01}))
    assert str(caught.value).startswith(f"noise[1]: {why}")
    assert "\n" not in str(caught.value)


def test_halved_steps_of_one_length_are_those_of_a_refined_run():
    for law in (noise.Gaussian(diffusion=0.5), noise.Stable(1.5, 0.3, 0.4)):
        fields = FIELDS | {"trajectories": 5, "scheme": "euler-maruyama"}
        refined = sdesim.simulate(WELL, law, refine=8, **fields)

        halved = sdesim.simulate(WELL, law, tolerance=1e-300, smallest_dt=0.05 / 8, **fields)

        np.testing.assert_allclose(halved.theta.values, refined.theta.values, rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"tolerance": 0.0}, "tolerance: found 0.0, allowed: a number above 0, or none"),
        ({"smallest_dt": 0.04}, "smallest_dt: found 0.04, allowed: at most half of dt, 0.025"),
        (
            {"smallest_dt": 1e-12},
            "smallest_dt: found 1e-12, allowed: at least 7.45e-10 with 40 steps of 0.05",
        ),
        ({"smallest_dt": -1.0}, "smallest_dt: found -1.0, allowed: a number above 0"),
        (
            {"tolerance": None, "smallest_dt": 0.01},
            "smallest_dt: found 0.01, allowed: none without tol",
        ),
    ],
)
def test_tolerances_and_lengths_out_of_range_are_refused(changes, line):
    with pytest.raises(SdesimError) as caught:
        sdesim.simulate(WELL, GAUSSIAN, **(FIELDS | {"tolerance": 0.01} | changes))
    assert str(caught.value).startswith(line)


def test_a_diffusion_of_the_state_is_refused():
    own = sdesim.SDE(lambda t, x: -x, lambda t, x: x, dim=1)
    with pytest.raises(SdesimError, match=r"^tolerance: .* none with a diffusion B\(t, x\): its part"):
        sdesim.simulate(own, **(FIELDS | {"tolerance": 0.01}))
