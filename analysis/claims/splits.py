"""Regression trainings that have nothing in common: data, weights and batches of each are its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .crowd import tensor
from .networks import EXAMPLES

if TYPE_CHECKING:
    from torch import Tensor

WIDTHS = (10, 32, 1)


@dataclass(frozen=True)
class Splits:
    """Training and test examples of R splits, (R, n, features) and (R, n, 1)."""

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor


def splits(runs: int, rng: np.random.Generator) -> Splits:
    """R draws of a teacher and of 512 noisy training examples and 1,000 test examples from it."""
    from sdesim.data import teacher_student

    drawn = [
        teacher_student(EXAMPLES, 1000, features=10, hidden=10, noise=0.3, seed=int(rng.integers(2**31)))
        for _ in range(runs)
    ]
    parts = ("x_train", "y_train", "x_test", "y_test")
    return Splits(*(tensor(np.stack([getattr(d, part) for d in drawn])) for part in parts))


def rows(runs: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Batches (R, size) drawn with replacement, without end."""
    while True:
        yield rng.integers(0, EXAMPLES, (runs, size))
