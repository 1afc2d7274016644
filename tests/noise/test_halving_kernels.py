"""Halves of increments have the law of increments, are independent, and add up to the whole."""

import math

import numpy as np
import pytest
from scipy import stats

import sdesim
from sdesim import noise
from sdesim.noise.draws import increments
from sdesim.noise.halving_kernels import (
    halve_diagonal,
    halve_factor,
    halve_stable,
    halving_key,
    halving_uniforms,
)

# The Kolmogorov distance of so many draws is above this once in 10⁶ (Massart: 2 e^{−2nD²}).
DRAWS = 3000
DISTANCE = math.sqrt(math.log(2e6) / (2 * DRAWS))
FUNCTIONS = {f.__name__: f for f in (halve_diagonal, halve_factor, halve_stable)}


def halved(law, dim, level, seed=5):
    """(wholes, lefts, rights) (DRAWS, d) over dt/2^level, dt = 1: those over the whole drawn as they are."""
    halves = law.kernel(dim, 1.0, 1.0).halves
    wholes = increments(law.kernel(dim, 0.5**level, 1.0), dim, DRAWS, seed=seed)[0]
    lefts, rights = np.empty((2, DRAWS, dim))
    low, high = halving_key(np.uint64(seed), 0, 0)
    for lane in range(DRAWS):
        FUNCTIONS[halves.function](
            low, high, lane, level, 1, halves.params, halves.data, wholes[lane], lefts[lane], rights[lane]
        )
    return wholes, lefts, rights


def test_halves_of_brownian_increments_are_independent_brownian_increments():
    root = np.array([[0.5, 0.0], [0.3, 0.2]])
    for law, deviation in (
        (noise.Gaussian(diffusion=[0.5, 2.0]), np.sqrt([1.0, 4.0])),
        (noise.Gaussian(factor=root), np.sqrt(2 * (root**2).sum(axis=1))),
    ):
        wholes, lefts, rights = halved(law, 2, level=3)
        np.testing.assert_allclose(lefts + rights, wholes, atol=1e-14)
        for k in range(2):
            half = deviation[k] / 4
            for part in (lefts[:, k], rights[:, k], (lefts - rights)[:, k] / math.sqrt(2)):
                assert stats.kstest(part / half, stats.norm.cdf).statistic < DISTANCE
    # The second coordinate of a factor goes along with the first in the halves too.
    assert np.corrcoef(lefts.T)[0, 1] > 0.75


@pytest.mark.parametrize(("alpha", "skew"), [(1.5, 0.0), (0.8, 0.5), (1.0, -0.4)])
def test_halves_of_stable_increments_are_independent_stable_increments(alpha, skew):
    level, scale = 2, 0.3
    law = noise.Stable(alpha, scale, skew)

    wholes, lefts, rights = halved(law, 1, level)

    np.testing.assert_allclose(lefts + rights, wholes, rtol=1e-12, atol=1e-12)
    half = sdesim.stable(alpha, skew, scale=scale * 0.5 ** ((level + 1) / alpha))
    # Of independent halves the difference is symmetric, with the scale of the whole.
    apart = sdesim.stable(alpha, 0.0, scale=scale * 0.5 ** (level / alpha))
    for part, said in ((lefts, half), (rights, half), (lefts - rights, apart)):
        assert stats.kstest(part[:, 0], said.cdf).statistic < DISTANCE


def test_a_number_belongs_to_its_node_coordinate_and_step_alone():
    numbers = (0, 1, 2**32)
    keys = {tuple(map(int, halving_key(np.uint64(1), s, step))) for s in (0, 1) for step in numbers}
    assert len(keys) == 6
    low, high = halving_key(np.uint64(1), 0, 0)
    places = [(0,) * 5, *map(tuple, np.eye(5, dtype=int).tolist())]
    assert len({halving_uniforms(low, high, *place)[0] for place in places}) == len(places)
