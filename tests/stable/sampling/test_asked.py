"""Sizes and seeds of draws, by either name."""

from __future__ import annotations

import numpy as np
import pytest

import sdesim
from sdesim.errors import SdesimError

LAWS = [
    sdesim.stable(1.5, 0.3),
    sdesim.stable.multivariate(1.5, np.eye(2)),
    sdesim.stable.truncated(1.5, low=-3.0, high=3.0),
    sdesim.stable.tempered(1.5, 0.0, 1.0),
]


@pytest.mark.parametrize("law", LAWS)
def test_without_a_seed_every_call_draws_anew(law):
    # Two of 64-bit keys are the same with a probability of 5e-20.
    assert not np.any(law.rvs(8) == law.rvs(8))


@pytest.mark.parametrize("law", LAWS)
def test_both_names_of_a_seed_draw_the_same(law):
    np.testing.assert_array_equal(law.rvs(8, seed=5), law.rvs(8, random_state=5))
    np.testing.assert_array_equal(law.rvs(8, seed=np.int64(5)), law.rvs(8, 5))


@pytest.mark.parametrize("law", LAWS)
def test_a_generator_moves_on(law):
    rng = np.random.default_rng(3)
    first, second = law.rvs(8, random_state=rng), law.rvs(8, random_state=rng)
    assert not np.any(first == second)
    np.testing.assert_array_equal(first, law.rvs(8, seed=np.random.default_rng(3)))
    legacy = law.rvs(8, random_state=np.random.RandomState(3))
    np.testing.assert_array_equal(legacy, law.rvs(8, random_state=np.random.RandomState(3)))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"size": "a"}, "size: found 'a'"),
        ({"size": 2.5}, "size: found 2.5"),
        ({"size": (2, -1)}, "size: found"),
        ({"size": True}, "size: found True"),
        ({"size": 2, "seed": -1}, "seed: found -1"),
        ({"size": 2, "seed": 1.5}, "seed: found 1.5"),
        ({"size": 2, "seed": 1, "random_state": 1}, "random_state: found beside seed"),
    ],
)
def test_what_is_no_size_or_seed_is_told(law, asked, message):
    with pytest.raises(SdesimError, match=message):
        law.rvs(**asked)
