"""An absorbing wall ends trajectories as an exit does."""

import numpy as np

import sdesim
from sdesim import events, noise, surfaces, walls


def test_it_is_the_exit_of_that_region_and_stops():
    arguments = {"dt": 0.01, "steps": 200, "trajectories": 50, "seed": 1, "progress": False}
    bowl, gaussian = surfaces.Flat(1), noise.Gaussian(0.5)
    absorbed = sdesim.simulate(bowl, gaussian, 0.0, boundary=walls.Absorbing(-1.0, 1.0), **arguments)
    left = sdesim.simulate(bowl, gaussian, 0.0, events=[events.Exit(-1.0, 1.0)], **arguments)

    for name in ("exit_time", "status", "stopped_step", "theta"):
        np.testing.assert_array_equal(absorbed[name].values, left[name].values)
    assert (absorbed["status"].values == 2).any()
