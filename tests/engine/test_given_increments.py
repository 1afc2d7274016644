"""Increments of one's own: what comes of them, and what is refused before anything is compiled."""

import numpy as np
import pytest

import sdesim
from sdesim import noise, sdes, surfaces
from sdesim.engine import drive
from sdesim.errors import SdesimError

BOWL = surfaces.Quadratic([1.0, 2.0])
GIVEN = np.zeros((3, 4, 2))
ADDITIVE, MULTIPLICATIVE = noise.Gaussian(diffusion=0.1), noise.Multiplicative(0.1)


@pytest.mark.parametrize(
    ("noises", "start", "given", "options", "words"),
    [
        ([ADDITIVE], 0.0, GIVEN[0], {}, r"increments must be \(steps, K, 2\), got shape \(4, 2\)"),
        ([ADDITIVE], 0.0, GIVEN, {"dt": 0.0}, "dt must be above 0, got 0"),
        ([ADDITIVE, MULTIPLICATIVE], 0.0, GIVEN, {}, "either additive or multiplicative noises"),
        ([ADDITIVE], 0.0, GIVEN, {"scheme": "sra1"}, "scheme 'sra1' needs auxiliary increments"),
        (
            [ADDITIVE], 0.0, GIVEN, {"scheme": "sra1", "auxiliary": GIVEN[:2]},
            r"auxiliary must have the shape \(3, 4, 2\), got \(2, 4, 2\)",
        ),
        (
            [ADDITIVE], np.zeros(3), GIVEN, {},
            r"theta0 must be a number, \(2,\) or \(4, 2\), got shape \(3,\)",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(noises, start, given, options, words):
    with pytest.raises(SdesimError, match=words):
        drive(BOWL, noises, start, given, **({"dt": 0.1} | options))


def test_a_surface_moves_by_the_increments_as_they_are_given():
    bowl, dt = surfaces.Quadratic([1.0, 2.0]), 0.1
    given = np.random.default_rng(0).standard_normal((6, 4, 2))
    theta, wanted = np.broadcast_to(bowl.start, (4, 2)), []
    for increment in given:
        theta = theta + increment - dt * theta * [1.0, 2.0]
        wanted.append(theta)

    found = sdesim.integrate(bowl, given, dt=dt)

    assert found.shape == (6, 4, 2)
    np.testing.assert_allclose(found, wanted, rtol=1e-13)


def test_an_equation_takes_increments_of_its_wiener_processes():
    process = sdes.OrnsteinUhlenbeck(rate=np.diag([1.0, 2.0]), factor=[[1.0], [0.5]])
    given, dt = np.random.default_rng(0).standard_normal((3, 2, 1)), 0.1
    theta = np.array([1.0, -1.0]) + np.zeros((2, 2))
    for increment in given:
        theta = theta - dt * theta * [1.0, 2.0] + increment * [1.0, 0.5]

    found = sdesim.integrate(process, given, [1.0, -1.0], dt=dt)

    np.testing.assert_allclose(found[-1], theta, rtol=1e-13)


def test_integrate_refuses_by_name():
    with pytest.raises(SdesimError, match="integrate takes an equation of"):
        sdesim.integrate(surfaces.Quadratic, GIVEN, dt=0.1)
    with pytest.raises(SdesimError, match=r"increments must be \(steps, K, 2\), got shape \(3, 4, 1\)"):
        sdesim.integrate(BOWL, GIVEN[:, :, :1], dt=0.1)
    with pytest.raises(SdesimError, match="increments"):
        sdesim.integrate(BOWL, np.full((3, 4, 2), np.nan), dt=0.1)
    with pytest.raises(SdesimError, match="nothing"):
        sdesim.integrate(BOWL, GIVEN, dt=0.1, scheme="nothing")


def test_what_blows_up_is_missing_from_there_on_as_in_a_stored_run():
    # x′ = x³ by Euler's method: each step cubes what is large, so that 1e100 is passed within few.
    cubic = sdesim.SDE(lambda t, x: x**3, dim=1)
    starts, dt, steps = np.array([[0.1], [30.0]]), 0.5, 12
    theta, wanted = starts, []
    for _ in range(steps):
        with np.errstate(over="ignore", invalid="ignore"):
            theta = theta + dt * theta**3
        theta = np.where(np.abs(theta) < 1e100, theta, np.nan)
        wanted.append(theta)

    found = sdesim.integrate(cubic, np.zeros((steps, 2, 1)), starts, dt=dt)
    run = sdesim.simulate(
        cubic, theta0=starts, dt=dt, steps=steps, trajectories=2, seed=0, save_every=1, progress=False,
        scheme="euler-maruyama",
    )  # fmt: skip

    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert run["status"].values.tolist() == [0, 1]
    np.testing.assert_array_equal(found, run["theta"].values.transpose(1, 0, 2)[1:])
