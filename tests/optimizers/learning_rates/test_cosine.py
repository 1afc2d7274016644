"""A learning rate that falls along half a cosine."""

import pytest

from sdesim.optimizers.learning_rates import Cosine


def test_the_fall_begins_after_the_warm_up_and_ends_at_the_final_share():
    recipe = Cosine(0.2, warmup=1)

    # cos 0, cos π/3, cos 2π/3 and cos π at the four steps after the warm-up.
    found = [recipe.rate(k, 5) for k in range(5)]
    assert found == pytest.approx([0.5, 1.0, 0.8, 0.4, 0.2], rel=1e-12)
