"""What every recipe of a data set offers before anything is loaded."""

import inspect
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from sdesim.data import Base, Dataset
from sdesim.data.base import loader
from sdesim.errors import SdesimError


@dataclass(frozen=True)
class Ones(Base):
    """So many ones."""

    examples: int = 3
    features: ClassVar[int] = 2
    outputs: ClassVar[int] = 1
    labelled: ClassVar[bool] = False
    tested: ClassVar[bool] = False

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
        Base().make()


@dataclass(frozen=True)
class Strings(Base):
    """Two strings of three tokens, each token with a label."""

    examples: ClassVar[int] = 2
    features: ClassVar[int] = 3
    outputs: ClassVar[int] = 5
    labelled: ClassVar[bool] = True
    tested: ClassVar[bool] = False
    vocabulary: int = 7
    positions: ClassVar[int] = 3

    def make(self):
        x = np.array([[0.0, 1.0, 6.0], [2.0, 2.0, 0.0]])
        y = np.array([[0, -100, 3], [1, 1, 2]])
        return Dataset(x, y, x[:0], y[:0], positions=3)


def test_examples_say_how_they_are_arranged_as_their_recipe_does():
    ones, strings = Ones().load(), Strings().load()

    assert (Ones().shape, Ones().vocabulary, Ones().positions) == ((2,), None, None)
    assert (ones.shape, ones.vocabulary, ones.positions, ones.known_classes) == ((2,), None, None, 0)
    assert (strings.shape, strings.vocabulary, strings.positions) == ((3,), 7, 3)
    # The last two classes do not occur.
    assert (strings.labelled, strings.outputs) == (True, 5)


def test_examples_that_memory_does_not_hold_are_refused_before_they_are_made():
    with pytest.raises(
        SdesimError, match=r"^1000000000000000 examples of 2 features take 2.24e\+07 GB, .* are free: "
    ):
        Ones(10**15).load()
