"""Gradients of a simulation are read at the learning rate, whatever dt is."""

import numpy as np

import sdesim
from sdesim import noise, surfaces


def test_c_is_read_at_the_learning_rate_so_halving_dt_leaves_it():
    surface = surfaces.Quadratic(np.linspace(1.0, 2.0, 20), center=1.0)
    noises = [noise.Gaussian(diffusion=0.2), noise.Stable(1.8, 0.1, structure="isotropic")]
    found = []
    for dt in (0.02, 0.01):
        run = sdesim.simulate(
            surface, noises, 0.0, dt=dt, steps=4, learning_rate=0.5, seed=6, progress=False,
            probes=sdesim.Probes(every=4, samples=64),
        )  # fmt: skip
        found.append(sdesim.measure(run))

    # The draws at step 0 are a function of (seed, trajectory, step) and η alone.
    for name in ("C_alpha", "C_star", "S", "lyapunov_drift", "noise"):
        assert found[0][name].values[0, 0] == found[1][name].values[0, 0], name


def test_c_of_a_gaussian_simulation_is_that_of_the_definition():
    dim, eta, diffusion = 50, 0.1, 0.3
    surface = surfaces.Quadratic(np.ones(dim), center=2.0)
    run = sdesim.simulate(
        surface, noise.Gaussian(diffusion=diffusion), 0.0, dt=1e-3, steps=1, learning_rate=eta,
        trajectories=16, probes=sdesim.Probes(every=1, samples=64), progress=False, seed=2,
    )  # fmt: skip
    m = sdesim.measure(run)

    # |∇L|² = 4d and Tr Σ = 2D d/η, so C = 2 η/D.
    expected = 2 * eta / diffusion
    found = m["C_alpha"].values[:, 0]
    # Relative error per probe √(2/(n d)) + 2/√(n d C), below 6%; the mean of 16, six standard errors.
    assert abs(found.mean() / expected - 1) < 6 * 0.06 / 4
