"""What every learning rate offers."""

from dataclasses import dataclass

import pytest

from sdesim.optimizers.learning_rates import Base


@dataclass(frozen=True)
class Halving(Base):
    def rate(self, step, steps):
        return 0.5**step


def test_a_rate_of_ones_own_has_its_total_and_no_warm_up():
    recipe = Halving()

    assert (recipe.constant, recipe.warmup, recipe.warm(0)) == (False, 0, 1.0)
    assert recipe.total(4) == 1.875
    assert list(recipe.problems(1)) == []
    with pytest.raises(NotImplementedError, match=r"^Base needs rate\(\)$"):
        Base().rate(0, 1)
