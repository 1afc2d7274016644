"""Noise whose size changes in time has the exact law of each step, and the same bits however it is drawn."""

import numpy as np

import sdesim
from sdesim import noise, schedules, surfaces
from sdesim.noise import increments
from tests.engine.plans import planned
from tests.noise.stopped import ends

D = schedules.Exponential(0.5, 1.0)


def test_increments_are_those_of_the_mean_diffusion_of_their_step():
    dt = 0.1
    plain = increments(noise.Gaussian(1.0).kernel(2, dt, dt), 2, 3, 5, seed=1)
    moved = increments(noise.Gaussian(D).kernel(2, dt, dt), 2, 3, 5, seed=1)

    t = dt * np.arange(6)
    mean = -np.diff(0.5 * np.exp(-t)) / dt
    np.testing.assert_allclose(moved, plain * np.sqrt(mean)[:, None, None], rtol=1e-9)


def test_stable_increments_take_the_mean_of_the_power_alpha():
    dt, scale = 0.1, schedules.Power(1.0, 1.0, 1.0)
    plain = increments(noise.Stable(1.5, 1.0).kernel(1, dt, dt), 1, 3, 4, seed=1)
    moved = increments(noise.Stable(1.5, scale).kernel(1, dt, dt), 1, 3, 4, seed=1)

    t = 1.0 + dt * np.arange(5)
    mean = np.diff(t**2.5) / (2.5 * dt)
    np.testing.assert_allclose(moved, plain * (mean ** (1 / 1.5))[:, None, None], rtol=1e-8)


def test_an_ornstein_uhlenbeck_process_with_a_moving_diffusion_has_its_exact_variance():
    """D = e^{−t}/2, v ← (1 − dt)² v + 2∫D of the chain, e^{−t} − e^{−2t} of the process."""
    dt, steps, count = 0.02, 100, 20_000
    run = sdesim.simulate(
        surfaces.Quadratic([1.0]), noise.Gaussian(D), 0.0, dt=dt, steps=steps, trajectories=count, seed=4,
        progress=False, save_every=50,
    )  # fmt: skip
    t = dt * np.arange(steps + 1)
    exact = [0.0]
    for added in -np.diff(np.exp(-t)):
        exact.append((1 - dt) ** 2 * exact[-1] + added)

    for step in (50, 100):
        found = run["theta"].sel(step=step).values.var()
        # Six standard errors of a variance of normals: a false alarm in 5e8.
        assert abs(found / exact[step] - 1) < 6 * np.sqrt(2 / count)
        assert abs(exact[step] / (np.exp(-t[step]) - np.exp(-2 * t[step])) - 1) < dt


def test_resumed_and_in_blocks_of_any_width_it_has_the_same_bits():
    plan = planned(surfaces.Quadratic([1.0]), noise.Gaussian(D), trajectories=5, steps=11, dt=0.1)

    whole = ends(plan, 1, (11,))
    assert ends(plan, 8, (3, 4, 11)) == whole
    assert ends(plan, 4, (7, 11)) == whole


def test_a_constant_schedule_gives_the_bits_of_its_number():
    constant, number = (
        planned(surfaces.Quadratic([1.0]), noise.Gaussian(d)) for d in (schedules.Constant(0.3), 0.3)
    )
    assert constant.noise_kernels[0].function == number.noise_kernels[0].function
    np.testing.assert_array_equal(constant.noise_kernels[0].params, number.noise_kernels[0].params)
