"""Occupancy counts the time in each well."""

import numpy as np

from sdesim import events, noise, surfaces
from tests.engine.simulated import simulate


def test_occupancy_counts_the_steps_after_which_a_trajectory_was_in_a_well():
    case = (surfaces.DoubleWell(barrier=0.05), [noise.Gaussian(diffusion=0.3)])
    run = simulate(case, save_every=1, steps=300, events=[events.Occupancy()])

    wells = surfaces.DoubleWell(barrier=0.05).well(run.theta.values[:, 1:])
    expected = np.stack([(wells == k).mean(axis=1) for k in (0, 1)], axis=1)
    np.testing.assert_allclose(run.occupancy.values, expected, atol=1e-12)
    assert list(run.well.values) == ["left", "right"]
