"""What every recipe of a data set offers before anything is loaded."""

import inspect
from dataclasses import dataclass

import numpy as np
import pytest

from sdesim.data import Base, Dataset
from sdesim.data.base import loader


@dataclass(frozen=True)
class Ones(Base):
    """So many ones."""

    examples: int = 3

    def make(self):
        x = np.ones((self.examples, 2))
        return Dataset(x, x[:, :1], x[:0], x[:0, :1])


def test_a_recipe_makes_its_examples_once_and_its_function_anew():
    recipe, ones = Ones(4), loader(Ones, "ones")

    assert recipe.load() is recipe.load()
    assert recipe.digest() == ""
    assert ones(4) is not ones(4)
    assert len(ones(examples=5).x_train) == 5
    assert (ones.__name__, ones.__doc__) == ("ones", "So many ones.")
    assert inspect.signature(ones) == inspect.signature(Ones)
    with pytest.raises(NotImplementedError, match=r"^Base needs make\(\)$"):
        Base().load()
