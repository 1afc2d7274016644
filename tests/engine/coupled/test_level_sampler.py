"""Samples of one level."""

import numpy as np

from sdesim import sdes
from sdesim.engine.coupled.level_sampler import ANTITHETIC, PLAIN, SINGLE, LevelSampler, level_key
from sdesim.engine.coupled.paths import coupled
from sdesim.engine.coupled.quantity import compiled_quantity


def test_every_level_and_block_has_a_key_of_its_own():
    keys = {level_key(seed, level, block) for seed in (0, 1, 2**63) for level in range(9) for block in (0, 1)}

    assert len(keys) == 3 * 9 * 2
    assert all(0 <= key < 2**64 for key in keys)


def test_samples_add_up_whatever_the_stages_and_cost_what_their_paths_walk():
    equation = coupled(sdes.OrnsteinUhlenbeck(1.0, 0.5), (), 2.0, 1.0, "euler-maruyama", 8)
    value = compiled_quantity(lambda x: x[0], equation.start)
    whole, staged = (LevelSampler(equation, value, 1, 2, 4, ANTITHETIC) for _ in range(2))

    whole.draw(900, 1)
    for until in (1, 300, 900):
        staged.draw(until, 2)

    assert staged.n == whole.n == 900
    assert whole.spent == 900 * (4 + 4 + 2)
    np.testing.assert_allclose(staged.difference.variance, whole.difference.variance, rtol=1e-10)
    # The equation is linear, so that the mean of both orders of a pair is near the path between them.
    assert whole.difference.variance < whole.plain.variance
    whole.turn_to(PLAIN)
    assert whole.difference == whole.plain
    assert whole.cost == 6


def test_a_path_that_has_blown_up_is_told_though_the_quantity_is_a_number_there():
    # Steps of 60 turn x round and make it 59 times as large: 59⁶⁰ ≈ 1.8e106, which no flag of a float tells.
    equation = coupled(sdes.OrnsteinUhlenbeck(1.0, 0.5), (), 1.0, 3600.0, "euler-maruyama", 8)
    sign = compiled_quantity(lambda x: 1.0 if x[0] > 0.0 else 0.0, equation.start)
    level = LevelSampler(equation, sign, 1, 0, 60, SINGLE)

    level.draw(8, 1)

    assert not level.finite
