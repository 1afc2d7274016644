"""A force in time: the very steps of a plain loop, stochastic resonance against independent code."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, schedules, surfaces
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from tests.engine.plans import planned

FORCE = schedules.Periodic(0.0, 0.3, 4.0)


def test_each_step_takes_the_force_and_each_saved_loss_that_of_its_time():
    bowl = surfaces.Quadratic([1.0, 2.0])
    driven, dt = surfaces.Driven(bowl, [FORCE, 0.5]), 0.1
    run = sdesim.simulate(driven, noise.Gaussian(0.0), 0.1, dt=dt, steps=30, save_every=10, progress=False)

    x = np.full(2, 0.1)
    for step in range(31):
        if step % 10 == 0:
            at = driven.at(step * dt)
            np.testing.assert_allclose(run["theta"].sel(step=step).values[0], x, rtol=1e-13)
            np.testing.assert_allclose(run["loss"].sel(step=step).values[0], at.loss(x), rtol=1e-12)
        x = x - dt * (np.array([1.0, 2.0]) * x - np.array([FORCE(step * dt), 0.5]))


def test_heun_reads_the_force_at_both_ends_of_a_step():
    """Of x' = t the trapezoidal rule is exact."""
    flat = surfaces.Driven(surfaces.Flat(1), schedules.Power(1.0, 1.0, 1.0))
    run = sdesim.simulate(
        flat, noise.Gaussian(0.0), 0.0, dt=0.5, steps=4, scheme="heun", save_every=1, progress=False
    )
    t = 0.5 * np.arange(5)
    np.testing.assert_allclose(run["theta"].values[0, :, 0], t + t**2 / 2, rtol=1e-14)


def test_stochastic_resonance_is_that_of_independent_code():
    """Mean of x under a periodic force in a double well, against a plain loop with numpy's generator."""
    dt, steps, count, diffusion = 0.05, 160, 4000, 0.1
    driven = surfaces.Driven(surfaces.DoubleWell(), FORCE)
    run = sdesim.simulate(
        driven, noise.Gaussian(diffusion), -1.0, dt=dt, steps=steps, trajectories=count, seed=5,
        save_every=40, progress=False,
    )  # fmt: skip

    rng, x = np.random.default_rng(1), np.full(count, -1.0)
    for step in range(steps + 1):
        if step in (40, 80, 160):
            found = run["theta"].sel(step=step).values[:, 0]
            spread = np.sqrt((found.var() + x.var()) / count)
            # Six standard errors of a difference of means: a false alarm in 1.7e8 for the three.
            assert abs(found.mean() - x.mean()) < 6 * spread
        force = 0.3 * np.sin(2 * np.pi * step * dt / 4.0)
        x += dt * (x - x**3 + force) + np.sqrt(2 * diffusion * dt) * rng.standard_normal(count)


def test_annealing_of_two_wells_is_that_of_independent_code():
    """Share in the deeper well after D fell from 0.5 to 0.04."""
    dt, steps, count = 0.02, 300, 4000
    cooling = schedules.Exponential(0.5, 0.4)
    run = sdesim.simulate(
        surfaces.DoubleWell(tilt=0.1), noise.Gaussian(cooling), 0.0, dt=dt, steps=steps, trajectories=count,
        seed=6, save_every=steps, progress=False,
    )  # fmt: skip
    deep = np.mean(run["theta"].values[:, -1, 0] < 0)

    rng, x = np.random.default_rng(2), np.zeros(count)
    for step in range(steps):
        mean = 0.5 * (np.exp(-0.4 * step * dt) - np.exp(-0.4 * (step + 1) * dt)) / (0.4 * dt)
        x += dt * (x - x**3 - 0.1) + np.sqrt(2 * mean * dt) * rng.standard_normal(count)
    other = np.mean(x < 0)
    assert abs(deep - other) < 6 * np.sqrt((deep * (1 - deep) + other * (1 - other)) / count)
    assert deep > 0.55


def test_a_reading_is_of_the_surface_of_its_moment():
    plan = planned(
        surfaces.Driven(surfaces.Quadratic([1.0]), FORCE), noise.Gaussian(0.1), dt=0.1, steps=10,
        probes=sdesim.Probes(every=5),
    )  # fmt: skip
    at = plan.oracle(5).surface
    assert at.grad(np.zeros(1))[0] == -FORCE(0.5)
    assert plan.surface.grad(np.zeros(1))[0] == 0.0


def test_bad_forces_are_refused():
    bowl = surfaces.Quadratic([1.0, 2.0])
    with pytest.raises(Misfit, match="found 3, allowed: one, or 2"):
        surfaces.Driven(bowl, [1.0, 2.0, 3.0])
    with pytest.raises(Misfit, match=r"surface\.force"):
        planned(surfaces.Driven(bowl, lambda t: np.nan), noise.Gaussian(0.1))
    with pytest.raises(SdesimError, match="can't compile the function of t"):
        surfaces.Driven(bowl, lambda t: object()).kernel()
    with pytest.raises(SdesimError, match="does not change in time itself"):
        surfaces.Driven(surfaces.Driven(bowl, FORCE), FORCE).kernel()
    with pytest.raises(SdesimError, match="does not change in time itself"):
        surfaces.masked(surfaces.Driven(bowl, FORCE), [True, False]).kernel()
