"""What every recipe of a data set offers before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING, Any, ParamSpec

from sdesim.data.dataset import Dataset
from sdesim.errors import SdesimError
from sdesim.io.memory import available_memory
from sdesim.kinds.bases import Defaults, default

P = ParamSpec("P")


class Base(Defaults):
    """A data set by its recipe: sizes are known at once, examples come with `load`.

    A data set of one's own is a frozen dataclass that derives from this and has `examples`, `features`,
    `outputs`, `labelled` and `tested`, as fields or properties, and `make`. What it says of `shape`,
    `vocabulary` and `positions` its examples say too.
    """

    if TYPE_CHECKING:
        # Not at run time: a field of the same name would take the property for its default.
        @property
        def examples(self) -> int:
            """Number of training examples."""

        @property
        def features(self) -> int:
            """Number of input features."""

        @property
        def outputs(self) -> int:
            """Number of classes, or of targets."""

        @property
        def labelled(self) -> bool:
            """Whether the answers are class labels."""

        @property
        def tested(self) -> bool:
            """Whether there are test examples."""

    @default
    def shape(self) -> tuple[int, ...]:
        """How an example's features are arranged: (C, H, W) for images, (C, L) for signals."""
        return (self.features,)

    @default
    def vocabulary(self) -> int | None:
        """V where the features are tokens 0 … V − 1, else None."""
        return None

    @default
    def positions(self) -> int | None:
        """Labels of an example where it has several, one at each place; else None."""
        return None

    @default
    def test_examples(self) -> int:
        """Number of test examples where the fields tell it, else 0."""
        return 0

    @property
    def numbers(self) -> float:
        """Numbers that the examples hold, of the test too as far as the fields tell how many these are."""
        answers = self.positions or (1 if self.labelled else self.outputs)
        return float(self.examples + self.test_examples) * float(self.features + answers)

    def make(self) -> Dataset:
        """Read or draw the examples.

        Raises:
            SdesimError: if that can't be done.
        """
        raise NotImplementedError(f"{type(self).__name__} needs make()")

    def load(self) -> Dataset:
        """The examples, made once for each recipe and shared by all who ask: don't write to them.

        Raises:
            SdesimError: if they can't be made.
        """
        return self._made

    @cached_property
    def _made(self) -> Dataset:
        self._check_room()
        made = self.make()
        classes = self.outputs if self.labelled else 0
        return replace(
            made,
            shape=self.shape,
            vocabulary=self.vocabulary,
            positions=self.positions,
            known_classes=classes,
        )

    def _check_room(self) -> None:
        """Refuse examples that memory can't hold."""
        needed = 8.0 * self.numbers
        if needed > (free := available_memory()):
            numbers = f"{self.examples + self.test_examples} examples of {self.features} features"
            raise SdesimError(
                f"{numbers} take {needed / 2**30:.3g} GB, {free / 2**30:.3g} GB are free: take fewer"
            )

    def digest(self) -> str:
        """What the examples depend on besides the recipe, as a hexadecimal digest; empty where on nothing."""
        return ""


def loader(recipe: Callable[P, Base], name: str) -> Callable[P, Dataset]:
    """The function that takes a recipe's fields and returns its examples, new at each call."""

    def load(*args: P.args, **fields: P.kwargs) -> Dataset:
        return recipe(*args, **fields).load()

    made: Any = load
    made.__name__ = made.__qualname__ = name
    made.__module__, made.__doc__ = recipe.__module__, recipe.__doc__
    made.__signature__ = signature(recipe)
    return load
