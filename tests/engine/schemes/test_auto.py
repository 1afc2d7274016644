"""Which scheme is taken where none is named, and which explicit steps are counted as thrown across."""

import numpy as np
import pytest

import sdesim
from sdesim import Probes, noise, surfaces
from sdesim.engine import drive
from sdesim.engine.growth import growth_of, overshoot_radius
from sdesim.engine.schemes.auto import Auto

WELL, BOWL = surfaces.DoubleWell(dim=1), surfaces.Quadratic(1.0)
JUMPS = noise.Stable(1.5, 0.1)


@pytest.mark.parametrize(
    ("surface", "noises", "tangent", "name"),
    [
        (WELL, [noise.Gaussian(diffusion=0.1)], False, "euler-maruyama"),
        (WELL, [JUMPS], False, "tamed-euler"),
        (WELL, [JUMPS], True, "euler-maruyama"),
        (WELL, [noise.Stable(1.5, 0.1, truncation=1.0)], False, "euler-maruyama"),
        (BOWL, [JUMPS], False, "euler-maruyama"),
        (sdesim.SDE(lambda t, x: -(x**3), dim=1), [JUMPS], False, "tamed-euler"),
        (sdesim.SDE(lambda t, x: -x, lambda t, x: x, dim=1, convention="stratonovich"), [], False, "heun"),
    ],
)
def test_the_scheme_that_survives_is_taken(surface, noises, tangent, name):
    assert Auto().resolved(surface, noises, growth_of, tangent).name == name


def test_a_run_says_which_scheme_it_was():
    fields = {"dt": 0.01, "steps": 2, "progress": False}
    assert sdesim.simulate(WELL, JUMPS, **fields).attrs["scheme"] == "tamed-euler"
    assert sdesim.simulate(WELL, JUMPS, scheme="euler-maruyama", **fields).attrs["scheme"] == "euler-maruyama"


def test_steps_that_are_thrown_across_are_counted_for_each_trajectory():
    # ¼ (x² − 1)² with dt = 0.01: beyond √(1 + 1/dt) = 10.05 a step lands on the other side, beyond 14.2 it
    # diverges; the noise is too small to matter.
    run = sdesim.simulate(
        WELL, noise.Stable(1.5, 1e-9), [[9.9], [10.2], [-12.0], [1.0]], dt=0.01, steps=1, trajectories=4,
        scheme="euler-maruyama", progress=False,
    )  # fmt: skip

    assert np.isclose(overshoot_radius(WELL, 0.01), 0.5 * 10.05, rtol=0.45)
    assert run["explicit_overshoots"].values.tolist() == [0, 1, 1, 0]
    assert (run["theta"].values[:, -1, 0] < 0).tolist() == [False, True, False, False]


def test_nothing_is_watched_where_no_jump_meets_a_steep_drift():
    fields = {"dt": 0.01, "steps": 2, "progress": False, "scheme": "euler-maruyama"}
    assert "explicit_overshoots" not in sdesim.simulate(BOWL, JUMPS, **fields)
    assert "explicit_overshoots" not in sdesim.simulate(WELL, noise.Gaussian(diffusion=0.1), **fields)


def test_a_tangent_vector_goes_along_with_the_default():
    run = sdesim.simulate(WELL, JUMPS, dt=0.01, steps=4, probes=Probes(every=2, tangent=True), progress=False)
    assert run.attrs["scheme"] == "euler-maruyama"


def test_given_increments_are_used_by_the_scheme_that_is_chosen():
    own = sdesim.SDE(lambda t, x: -x, lambda t, x: x, dim=1, convention="stratonovich")
    increments = np.full((3, 1, 1), 0.1)
    paths = [drive(own, [], 1.0, increments, dt=0.01, scheme=name) for name in ("auto", "heun")]
    assert np.array_equal(*paths)
