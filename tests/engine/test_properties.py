"""Symmetries of the simulated equation, and freedom from how the work is split, for schemes × noises."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdesim
from sdesim import noise, schemes, surfaces
from sdesim.engine.ensemble import Ensemble
from tests.engine.plans import planned

STEPS = 31
SEEDS = st.integers(0, 2**64 - 1)
RATES = st.lists(st.floats(0.0, 5.0), min_size=2, max_size=2)
POINTS = st.lists(st.floats(-3.0, 3.0), min_size=2, max_size=2)


def held(examples):
    """The same examples in every run; compiling makes the first one slow."""
    return settings(max_examples=examples, deadline=None, derandomize=True)


@dataclass(frozen=True)
class Case:
    """A scheme with a noise, and how both follow a change of the units of space and time.

    noise(a, s), scheme(s): with lengths a times and times s times as long; curvature(s): the factor on L″.
    """

    noise: Any
    scheme: Any = lambda s: "euler-maruyama"
    curvature: Any = lambda s: 1 / s


def gaussian(a, s):
    return noise.Gaussian(diffusion=[0.1 * a**2 / s, 0.3 * a**2 / s])


def stable(a, s, alpha=1.5, **law):
    return noise.Stable(alpha, 0.2 * a / s ** (1 / alpha), **law)


CASES = {
    "gaussian": Case(gaussian),
    "stable": Case(stable),
    "skewed": Case(lambda a, s: stable(a, s, 1.2, skew=0.5)),
    "skewed at alpha 1": Case(lambda a, s: stable(a, s, 1.0, skew=0.5)),
    "isotropic": Case(lambda a, s: stable(a, s, 1.7, structure="isotropic")),
    "truncated": Case(lambda a, s: stable(a, s, truncation=0.3 * a)),
    "added": Case(lambda a, s: [gaussian(a, s), stable(a, s)]),
    "heun": Case(gaussian, lambda s: "heun"),
    "implicit": Case(stable, lambda s: "implicit-euler"),
    "sra1": Case(gaussian, lambda s: "sra1"),
    "heavy-ball": Case(gaussian, lambda s: "heavy-ball"),
    # Here θ″ = −∇L − γ θ′ + …, so L and D go with the square of time.
    "baoab": Case(
        lambda a, s: gaussian(a, s**2), lambda s: schemes.BAOAB(friction=2.0 / s), lambda s: 1 / s**2
    ),
}
# At α = 1 a skewed law is not strictly stable: another unit of length adds a drift.
STRICT = {name: case for name, case in CASES.items() if name != "skewed at alpha 1"}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())


def walk(surface, noises, theta0, *, dt=0.05, scheme="euler-maruyama", seed=0, n=3, **changes):
    arguments = {"dt": dt, "steps": STEPS, "trajectories": n, "save_every": 1, "progress": False}
    run = sdesim.simulate(surface, noises, theta0, scheme=scheme, seed=seed, **(arguments | changes))
    return run.theta.values


def close(found, expected, size=0.0):
    """Equal to rounding: each of the steps rounds to 2e-16 of the largest number that it touches.

    The implicit scheme solves to 1e-12 of that; 1e-10 leaves room for 31 steps of it.
    """
    largest = max(np.abs(expected).max(), np.abs(found).max(), size, 1.0)
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-10 * largest)


@pytest.mark.parametrize(
    "surface",
    [surfaces.Quadratic([0.7, 3.0], center=[0.3, -1.1]), surfaces.DoubleWell()],
    ids=["quadratic", "double-well"],
)  # fmt: skip
@given(start=POINTS, dt=st.floats(1e-4, 0.2))
@held(25)
def test_without_noise_a_run_is_plain_euler_bit_for_bit(surface, start, dt):
    theta = np.array(start[: surface.dim])
    kernel = surface.kernel()
    gradient = getattr(import_module(kernel.module), kernel.grad)

    found = walk(surface, [], theta, dt=dt, n=1)[0]

    # The compiled gradient may fuse a product into a sum, NumPy's does not. In the step itself it makes no
    # difference: ΔN is 0, and a product that is added to 0 rounds once either way.
    for k in range(STEPS):
        assert (found[k] == theta).all()
        g = np.empty((surface.dim, 1))
        gradient(theta[:, None].copy(), kernel.params, kernel.data0, kernel.data1, g)
        theta = theta - dt * g[:, 0]
    assert (found[STEPS] == theta).all()


@given(start=POINTS, rates=RATES, center=POINTS, dt=st.floats(1e-4, 0.2))
@held(25)
def test_without_noise_on_a_quadratic_a_run_is_written_out_euler_bit_for_bit(start, rates, center, dt):
    found = walk(surfaces.Quadratic(rates, center=center), [], start, dt=dt, n=1)[0]

    for i in range(2):
        x = float(start[i])
        for k in range(STEPS):
            assert found[k, i] == x
            x = x - dt * (rates[i] * (x - center[i]))
        assert found[STEPS, i] == x


@each_case
@given(
    rates=RATES, start=POINTS, shift=st.lists(st.floats(-100.0, 100.0), min_size=2, max_size=2), seed=SEEDS
)
@held(10)
def test_moving_surface_and_start_moves_the_run(case, rates, start, shift, seed):
    noises, scheme = case.noise(1.0, 1.0), case.scheme(1.0)

    here = walk(surfaces.Quadratic(rates), noises, start, scheme=scheme, seed=seed)
    there = walk(
        surfaces.Quadratic(rates, center=shift), noises, np.add(start, shift), scheme=scheme, seed=seed
    )

    close(there - shift, here, size=np.abs(shift).max())


@pytest.mark.parametrize("case", STRICT.values(), ids=STRICT.keys())
@given(rates=RATES, start=POINTS, center=POINTS, a=st.floats(0.1, 10.0), seed=SEEDS)
@held(10)
def test_changing_the_unit_of_length_scales_the_run(case, rates, start, center, a, seed):
    scheme = case.scheme(1.0)

    plain = walk(surfaces.Quadratic(rates, center), case.noise(1.0, 1.0), start, scheme=scheme, seed=seed)
    scaled = walk(
        surfaces.Quadratic(rates, np.multiply(a, center)), case.noise(a, 1.0), np.multiply(a, start),
        scheme=scheme, seed=seed,
    )  # fmt: skip

    close(scaled / a, plain)


@given(a=st.floats(0.1, 10.0), seed=SEEDS)
@held(10)
def test_changing_the_unit_of_length_adds_a_drift_to_skewed_noise_at_alpha_1(a, seed):
    flat, noises = surfaces.Quadratic([0.0, 0.0]), CASES["skewed at alpha 1"].noise

    plain = walk(flat, noises(1.0, 1.0), 0.0, seed=seed)
    scaled = walk(flat, noises(a, 1.0), 0.0, seed=seed)

    # S₁(β, aσ) has the law of a S₁(β, σ) + (2/π) β a σ log a.
    drift = (2 / np.pi) * 0.5 * 0.2 * np.log(a)
    close(scaled / a, plain + drift * 0.05 * np.arange(STEPS + 1)[:, None])


@each_case
@given(rates=RATES, start=POINTS, s=st.floats(0.1, 10.0), seed=SEEDS)
@held(10)
def test_changing_the_unit_of_time_leaves_the_run(case, rates, start, s, seed):
    plain = walk(surfaces.Quadratic(rates), case.noise(1.0, 1.0), start, scheme=case.scheme(1.0), seed=seed)
    slow = surfaces.Quadratic(np.multiply(case.curvature(s), rates))
    scaled = walk(slow, case.noise(1.0, s), start, dt=0.05 * s, scheme=case.scheme(s), seed=seed)

    close(scaled, plain)


@given(rates=RATES, start=POINTS, angle=st.floats(0.0, 6.3), mirror=st.booleans(), seed=SEEDS)
@held(10)
def test_rotating_surface_start_and_noise_rotates_the_run(rates, start, angle, mirror, seed):
    # The tamed step is by the norm of the whole gradient, so it sees a wrong rotation that others don't.
    factor = np.array([[0.4, 0.1], [-0.2, 0.3]])
    center = np.array([0.5, -1.0])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag([1.0, -1.0]) if mirror else turn

    plain = walk(
        surfaces.Quadratic(rates, center, rotation=np.eye(2)), noise.Gaussian(factor=factor), start,
        scheme="tamed-euler", seed=seed,
    )  # fmt: skip
    turned = walk(
        surfaces.Quadratic(rates, turn @ center, rotation=turn), noise.Gaussian(factor=turn @ factor),
        turn @ start, scheme="tamed-euler", seed=seed,
    )  # fmt: skip

    close(turned, plain @ turn.T)


@each_case
@given(seed=SEEDS, lanes=st.integers(1, 150), count=st.integers(1, 150), cut=st.integers(1, STEPS - 1))
@held(10)
def test_the_bits_of_a_run_do_not_depend_on_how_the_work_is_split(case, seed, lanes, count, cut):
    surface, scheme = surfaces.Quadratic([1.0, 3.0], center=0.4), case.scheme(1.0)
    noises = case.noise(1.0, 1.0)
    whole = walk(surface, noises, 0.0, scheme=scheme, seed=seed, n=150, threads=2)

    few = walk(surface, noises, 0.0, scheme=scheme, seed=seed, n=count, threads=1, save_every=cut)
    plan = planned(
        surface,
        noises,
        theta0=0.0,
        dt=0.05,
        steps=STEPS,
        trajectories=150,
        seed=seed,
        scheme=scheme,
        save_every=STEPS,
    )
    unsaved = tuple(np.zeros((150, 0, *shape)) for shape in ((2,), (len(plan.directions),), (), ()))
    first, then = Ensemble(plan, 1, lanes), Ensemble(plan, 2)
    first.advance(0, cut, plan.saved[:0], unsaved, 0)
    then.restore(first.portable())
    then.advance(cut, STEPS, plan.saved[:0], unsaved, 0)

    assert few[:, -1].tobytes() == whole[:count, -1].tobytes()
    assert then.portable()["x"].T.tobytes() == whole[:, -1].tobytes()
