"""Draws of stable laws outside a simulation: their law far into the tails, and their numbering."""

import math

import numpy as np
import pytest
from scipy import special

import sdesim
from sdesim.errors import SdesimError
from sdesim.noise import Stable, increments, sample_stable


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 0.3), (1.5, 0.0)])
def test_draws_lie_beyond_far_quantiles_as_often_as_they_should_to_a_survival_of_1e_minus_7(alpha, beta):
    law, levels = sdesim.stable(alpha, beta), 10.0 ** -np.arange(3.0, 8.0)
    high, low = law.isf(levels), law.ppf(levels)
    counts, n, rounds = np.zeros((2, levels.size)), 2**24, 5

    for seed in range(rounds):
        x = law.rvs(n, seed=seed)
        rare = x[(x > high[0]) | (x < low[0])]
        counts += [(rare[:, None] > high).sum(0), (rare[:, None] < low).sum(0)]

    # Poisson counts, 8 at the last level; 20 of them, each with a false alarm of 2 · 1e-8.
    mean = n * rounds * levels
    assert np.all(special.pdtr(counts, mean) > 1e-8)
    assert np.all(special.pdtrc(counts - 1, mean) > 1e-8)


def test_a_simulation_with_the_same_seed_shares_no_draw():
    n = 2000
    one, many = (Stable(1.5, 1.0).kernel(dim, 1.0, 1.0) for dim in (1, n))

    simulated = np.concatenate(
        [increments(one, 1, n, 2, seed=7).ravel(), increments(many, n, 1, seed=7)[0, 0]]
    )
    drawn = sample_stable(1.5, 0.0, 2 * n, seed=7)

    assert np.intersect1d(simulated, drawn).size == 0
    both = np.stack([np.sign(simulated[: 2 * n]), np.sign(drawn)])
    # Signs of independent draws: five standard errors.
    assert abs(np.mean(both[0] * both[1])) < 5 / math.sqrt(2 * n)


@pytest.mark.parametrize("sampler", ["inversion", "cms"])
def test_a_draw_depends_on_its_number_and_its_own_parameters_alone(sampler):
    many = sdesim.stable.rvs(1.3, 0.4, 999, seed=5, loc=0.3, scale=2.0, sampler=sampler)

    few = sdesim.stable.rvs(1.3, 0.4, 10, seed=5, loc=0.3, scale=2.0, sampler=sampler)
    alphas = np.where(np.arange(999) % 3 == 0, 1.3, 0.8)
    mixed = sdesim.stable.rvs(alphas, 0.4, seed=5, loc=0.3, scale=np.full(999, 2.0), sampler=sampler)

    np.testing.assert_array_equal(few, many[:10])
    np.testing.assert_array_equal(mixed[::3], many[::3])
    other = sdesim.stable.rvs(0.8, 0.4, 999, seed=5, loc=0.3, scale=2.0, sampler=sampler)
    np.testing.assert_array_equal(mixed[1::3], other[1::3])
    assert sdesim.stable(1.3, 0.4).rvs(seed=5, sampler=sampler).shape == ()


def test_the_table_is_the_default_where_there_is_one():
    for alpha, beta in ((0.3, 0.0), (0.4, 0.9), (1.9, -1.0)):
        chosen = sdesim.stable.rvs(alpha, beta, 8, seed=1)
        np.testing.assert_array_equal(chosen, sdesim.stable.rvs(alpha, beta, 8, seed=1, sampler="inversion"))
    for alpha, beta in ((0.2, 0.0), (0.35, 0.5)):
        chosen = sdesim.stable.rvs(alpha, beta, 8, seed=1)
        np.testing.assert_array_equal(chosen, sdesim.stable.rvs(alpha, beta, 8, seed=1, sampler="cms"))


def test_sample_stable_and_rvs_are_one():
    rows = sample_stable(1.5, 0.3, (3, 4), 2, 2.0, 0.1, "S0")

    np.testing.assert_array_equal(rows, sdesim.stable.rvs(1.5, 0.3, (3, 4), 2, 0.1, 2.0, "S0"))


def test_alpha_2_is_gaussian_with_twice_the_squared_scale():
    x = sdesim.stable.rvs(2.0, 0.0, 100_000, seed=3, loc=1.0, scale=3.0)

    assert abs(x.mean() - 1.0) < 5 * math.sqrt(18 / x.size)
    assert x.var() == pytest.approx(18.0, rel=5 * math.sqrt(2 / x.size))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: sdesim.stable.rvs(1.5, sampler="pinv"), "sampler must be one of inversion, cms, got 'pinv'"),
        (lambda: sdesim.stable.rvs(0.2, sampler="inversion"), "alpha 0.2 with beta 0 has no table"),
        (lambda: sdesim.stable.rvs([1.5, 1.2], size=3), r"size must go with parameters of shape \(2,\)"),
        (lambda: sdesim.stable.rvs(2.1), r"alpha must be in \(0, 2\], got 2.1"),
    ],
)
def test_wrong_values_are_refused_in_the_user_s_words(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
