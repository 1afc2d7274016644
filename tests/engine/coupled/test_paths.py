"""Paths of several steps through one noise: each is the scheme's own, and they share it."""

import math

import numpy as np
import pytest

import sdesim
from sdesim import noise, sdes, surfaces
from sdesim.engine.coupled.paths import coupled
from sdesim.errors import SdesimError

EQUATION = sdes.OrnsteinUhlenbeck(1.0, 0.5)
BOWL = surfaces.Quadratic([1.0, 2.0])


def walked(equation, noises=(), scheme="euler-maruyama", count=70, seed=3):
    return coupled(equation, noises, None, 1.0, scheme, 8).walk(8, [1, 2, 8, 1], seed, 5, count, [0, 0, 0, 1])


def test_the_shortest_step_has_the_bits_of_simulate_and_long_ones_the_sums_of_its_increments():
    states = walked(EQUATION)

    run = sdesim.simulate(EQUATION, dt=1 / 8, steps=8, trajectories=75, seed=3, progress=False, threads=1)
    path = run["theta"].values[5:, :, 0]
    np.testing.assert_array_equal(states[0, 0], path[:, -1])
    increments = np.diff(path, axis=1) + path[:, :-1] / 8
    turned = increments.reshape(70, 4, 2)[:, :, ::-1].reshape(70, 8)
    for row, ratio, given in ((1, 2, increments), (2, 8, increments), (3, 1, turned)):
        x = np.zeros(70)
        for step in range(8 // ratio):
            x += given[:, step * ratio : (step + 1) * ratio].sum(axis=1) - x * ratio / 8
        # A dozen sums of numbers of size 1.
        np.testing.assert_allclose(states[row, 0], x, atol=1e-14)


def test_no_bit_depends_on_how_the_trajectories_are_cut():
    equation = coupled(EQUATION, (), None, 1.0, "euler-maruyama", 8)

    whole = equation.walk(8, [1, 2], 3, 0, 1000)

    pieces = [equation.walk(8, [1, 2], 3, first, 250) for first in range(0, 1000, 250)]
    np.testing.assert_array_equal(whole, np.concatenate(pieces, axis=2))


def test_a_second_set_of_increments_is_summed_so_that_the_double_integral_is_that_of_the_long_step():
    # On a constant slope SRA1 is exact: θ = −t + N whatever the second set is; on ½ θ² one step is linear in
    # ΔN and ΔN′, so that two short steps show the weights: Z = ½ dt (ΔN + ΔN′/√3) of each.
    states = walked(surfaces.Quadratic([1.0]), [noise.Gaussian(diffusion=0.5)], "sra1", count=4000)

    gap = states[0, 0] - states[1, 0]
    # Strong order 1.5: (E gap²)^{1/2} of dt = 1/4 is below dt^{1.5}/10; a wrong sum leaves dt/√12 and more.
    assert math.sqrt(np.mean(gap**2)) < 0.25**1.5 / 10


@pytest.mark.parametrize(
    ("equation", "noises", "scheme", "words"),
    [
        (BOWL, noise.Stable(alpha=1.5, scale=0.1, truncation=1.0), "euler-maruyama", "no sum of those over"),
        (BOWL, noise.Gaussian(match="trace"), "euler-maruyama", "waits for trace"),
        (BOWL, noise.Gaussian(diffusion=0.1), "sgd", "a map whose step is the learning rate"),
        ("bowl", (), "euler-maruyama", "the equation must be one of"),
    ],
)
def test_what_long_and_short_steps_cannot_share_is_refused_in_a_line(equation, noises, scheme, words):
    with pytest.raises(SdesimError, match=words) as caught:
        coupled(equation, noises, None, 1.0, scheme, 8)
    assert "\n" not in str(caught.value)
