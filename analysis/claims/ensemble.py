"""Several networks on each of many data sets drawn anew, trained side by side.

Seeds of one split of the data are no independent draws of a question about trainings: what is said of
trainings in general is a mean over splits, with the spread between splits in its interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sdesim.noise import sample_stable

from .crowd import Crowd, Descent, batches, crowd, tensor
from .estimates import Array
from .networks import EXAMPLES, RATE
from .splits import WIDTHS, splits

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Ensemble:
    """R = splits · inits networks 10-32-1, those of one split beside each other.

    Attributes:
        crowd: the networks.
        x, y: training examples (R, N, 10) and their targets (R, N, 1).
        x_test, y_test: the same of the test.
        splits: how many data sets there are.
    """

    crowd: Crowd
    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor
    splits: int

    def c_one(self) -> Array:
        """C of one training example (R,)."""
        return self.crowd.c_one(self.x, self.y)

    def test_losses(self) -> Array:
        """Mean squared errors on the test examples (R,)."""
        return self.crowd.losses(self.x_test, self.y_test)

    def test_accuracies(self) -> Array:
        """Shares of the test examples whose sign is right (R,)."""
        right = self.crowd.outputs(self.x_test).sign() == self.y_test.sign()
        return np.asarray(right.double().mean(dim=(-1, -2)))

    def theta(self) -> Array:
        """All weights (R, d)."""
        parts = [np.asarray(w.double()).reshape(len(w), -1) for w in self.crowd.parameters]
        return np.concatenate(parts, axis=1)

    def by_split(self, values: Array) -> Array:
        """(R, …) → (splits, inits, …)."""
        return values.reshape(self.splits, -1, *values.shape[1:])

    def steps(self, batch: int, count: int, rng: np.random.Generator, rate: float = RATE) -> Iterator[int]:
        """Train by SGD: 0 before the first step, then k after the k-th."""
        descent, drawn = Descent(self.crowd, rate), batches(EXAMPLES, batch, len(self.x), rng)
        every = np.arange(len(self.x))[:, None]
        yield 0
        for k in range(1, count + 1):
            rows = next(drawn)
            descent.step(self.x[every, rows], self.y[every, rows])
            yield k

    def shaken(self, alpha: float, scale: float, steps: int, rng: np.random.Generator) -> Array:
        """Training losses (R,) after full-gradient steps with α-stable noise of a scale on every weight.

        The networks themselves stay as they are.
        """
        moved = self.crowd.copy()
        descent = Descent(moved, RATE)
        for _ in range(steps):
            descent.step(self.x, self.y)
            for w in moved.parameters:
                z = sample_stable(alpha, 0.0, size=tuple(w.shape), seed=int(rng.integers(2**31)))
                w.add_(tensor(scale * z))
        return moved.losses(self.x, self.y)


def ensemble(count: int, inits: int, rng: np.random.Generator) -> Ensemble:
    """So many data sets of a teacher of its own, and so many networks on each."""
    data = splits(count, rng)
    x, y, x_test, y_test = (
        part.repeat_interleave(inits, dim=0) for part in (data.x, data.y, data.x_test, data.y_test)
    )
    return Ensemble(crowd(WIDTHS, count * inits, rng, "tanh", "mse"), x, y, x_test, y_test, count)
