"""Noises with a memory have the same bits resumed, in blocks of any width, and beside one another."""

import numpy as np
import pytest

import sdesim
from sdesim import jumps, noise, schedules, surfaces
from sdesim.noise.path import Path
from tests.engine.plans import planned
from tests.noise.stopped import ends

NOISES = [
    noise.Coloured(0.2, [0.5, 0.3]),
    noise.Telegraph(3.0, 0.4),
    noise.Fractional(0.7, 0.3),
    noise.CompoundPoisson(5.0, jumps.Laplace(0.1)),
    noise.Gaussian(schedules.Exponential(0.1, 1.0)),
]
BOWL = surfaces.Quadratic([1.0, 2.0])


def test_resumed_and_in_blocks_of_any_width_they_have_the_same_bits(monkeypatch):
    plan = planned(BOWL, NOISES, trajectories=5, steps=11, dt=0.1)
    whole = ends(plan, 1, (11,))

    assert ends(plan, 8, (3, 4, 11)) == whole
    # A table of one pair of steps.
    monkeypatch.setattr("sdesim.noise.path._TABLE", 4)
    assert ends(plan, 4, (7, 11)) == whole


def test_a_trajectory_is_the_same_beside_others_and_on_any_thread():
    arguments = {"dt": 0.1, "steps": 9, "seed": 1, "progress": False}
    few = sdesim.simulate(BOWL, NOISES, trajectories=3, threads=1, **arguments)
    many = sdesim.simulate(BOWL, NOISES, trajectories=70, threads=2, **arguments)
    assert few["theta"].values.tobytes() == many["theta"].values[:3].tobytes()


def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path, monkeypatch):
    arguments = {"dt": 0.1, "steps": 40, "trajectories": 3, "seed": 1, "save_every": 7}
    whole = sdesim.simulate(BOWL, NOISES, progress=False, **arguments)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done >= 1:
            raise Stopped

    monkeypatch.setattr("sdesim.engine.checkpoint._SECONDS", 0.0)
    monkeypatch.setattr("sdesim.engine.simulation._STRETCH", 90.0)
    with pytest.raises(Stopped):
        sdesim.simulate(BOWL, NOISES, out=tmp_path / "run.zarr", progress=stop, **arguments)
    out = tmp_path / "run.zarr"
    resumed = sdesim.simulate(BOWL, NOISES, out=out, resume=True, progress=False, **arguments)
    assert resumed["theta"].values.tobytes() == whole["theta"].values.tobytes()


def test_a_path_of_ones_own_says_how_it_is_filled():
    with pytest.raises(NotImplementedError):
        Path().fill(None, 0, 1, np.zeros((0, 1)), np.zeros((2, 1, 1)))
    with pytest.raises(NotImplementedError):
        _ = Path().identity


def test_in_float32_it_is_the_same_noise_rounded():
    """Stretches of a group of steps of which only some are asked for."""
    double, single = (
        planned(BOWL, NOISES[:1], trajectories=5, steps=11, dt=0.1, dtype=d) for d in ("float64", "float32")
    )
    near = np.frombuffer(ends(double, 4, (11,)))
    for stops in ((11,), (3, 6, 11)):
        found = np.frombuffer(ends(single, 4, stops))
        np.testing.assert_allclose(found, near, atol=1e-5)
