"""A simulation as a whole: what it is equal to, what it flags and what it refuses."""

from types import SimpleNamespace

import numpy as np
import pytest

import sdesim
from sdesim import events, noise, surfaces
from sdesim.engine.simulation import _stretches
from sdesim.errors import RunError, SdesimError
from tests.engine.simulated import CASES, NETWORK, X, Y, same_bits, simulate


def test_alpha_two_gives_the_bits_of_the_gaussian():
    gaussian = simulate((surfaces.DoubleWell(), [noise.Gaussian(diffusion=0.09)]))
    stable = simulate((surfaces.DoubleWell(), [noise.Stable(2.0, 0.3)]))

    np.testing.assert_allclose(gaussian.theta.values, stable.theta.values, rtol=1e-12)


def test_a_blown_up_trajectory_is_flagged_and_leaves_the_others_alone():
    start = np.array([[1.0], [60.0], [-1.0]])
    run = simulate((surfaces.DoubleWell(), ()), theta0=start, dt=0.5, trajectories=3, save_every=1)
    alone = simulate((surfaces.DoubleWell(), ()), theta0=1.0, dt=0.5, trajectories=1, save_every=1)

    assert run.status.values.tolist() == [0, 1, 0]
    left = int(run.stopped_step.values[1])
    assert np.isnan(run.theta.values[1, left:]).all()
    assert np.isfinite(run.theta.values[1, :left]).all()
    assert same_bits(run.theta.values[0].copy(), alone.theta.values[0].copy())


def test_a_state_beyond_the_stated_bound_has_blown_up():
    # 1 − λ dt = −11: the step n at which 11ⁿ passes the bound is known, long before float64 overflows.
    run = simulate(
        (surfaces.Quadratic([12.0, 0.5]), ()), scheme="euler-maruyama", theta0=1.0, dt=1.0, steps=110,
        trajectories=1, save_every=1,
    )  # fmt: skip
    last = int(np.ceil(100.0 / np.log10(11.0)))

    assert run.status.values.tolist() == [1]
    assert run.stopped_step.values.tolist() == [last]
    np.testing.assert_allclose(run.theta.values[0, last - 1, 0], (-11.0) ** (last - 1), rtol=1e-12)
    assert np.isnan(run.theta.values[0, last:]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dt": -1.0}, "dt must be above 0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"scheme": "euler"}, "scheme: found 'euler', allowed: auto, baoab, "),
        ({"theta0": np.zeros(3)}, "theta0: found 3 numbers, allowed: 1, the surface's dimension"),
        ({"theta0": np.zeros((3, 1))}, "theta0: found 3 rows, allowed: 1, one for each trajectory"),
        ({"save": ("thetas",)}, "save takes"),
        ({"noise": [noise.Gaussian(diffusion=[1.0, 2.0])]}, r"noise\[0\]: diffusion is for 2 coordinates"),
        (
            {"events": [events.Exit(upper=1.0, coordinate=4)]},
            r"events\[0\].coordinate: found 4, allowed: 0 to 0, the surface's",
        ),
        ({"threads": 0}, "threads must be at least 1"),
        ({"resume": True}, "resume=True needs out"),
    ],
)
def test_bad_arguments_are_refused_in_the_users_words(changes, message):
    arguments = {"dt": 0.01, "steps": 2, "progress": False} | changes
    with pytest.raises(SdesimError, match=message):
        sdesim.simulate(surfaces.DoubleWell(), **arguments)


def test_minibatch_noise_of_another_surface_is_refused():
    other = surfaces.MLP([3, 4, 2], X + 1, Y, loss="cross_entropy")

    with pytest.raises(SdesimError, match="surface that is simulated"):
        simulate((NETWORK, [noise.Minibatch(other, 4, 0.1)]))


def test_an_existing_path_is_never_overwritten(tmp_path):
    simulate(CASES["double-well"], out=tmp_path / "run.zarr")

    with pytest.raises(RunError, match="exists already"):
        simulate(CASES["double-well"], out=tmp_path / "run.zarr")


@pytest.mark.parametrize(
    ("trajectories", "length"),
    [(100, 5000), (10**5, 500), (2 * 10**5, 250), (10**6, 256), (10**7, 50), (10**9, 2)],
)
def test_large_ensembles_walk_enough_steps_that_their_blocks_stay_in_the_cache(trajectories, length):
    plan = SimpleNamespace(
        saved=np.array([5000]), probe_steps=np.array([], dtype=int), steps=5000, begin=0,
        trajectories=trajectories, dim=1, kernel=SimpleNamespace(examples=0),
    )  # fmt: skip

    assert _stretches(plan, 0, 1)[:2] == ([0, length] if length < 5000 else [0, 5000])
