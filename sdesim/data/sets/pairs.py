"""Tasks on all pairs of elements of a finite set: sizes, codes of a pair, and the random split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdesim.data.dataset import Dataset
from sdesim.kinds import Misfit

Encoding = Literal["one-hot", "tokens"]


@dataclass(frozen=True)
class Code:
    """How a pair of elements is written as features.

    Attributes:
        size: number of elements.
        encoding: "one-hot": the codes of both side by side, 2·size features; "tokens": their numbers.
        equals: whether a token of its own, the number ``size``, stands behind both.

    Raises:
        Misfit: at equals, beside one-hot codes.
    """

    size: int
    encoding: Encoding
    equals: bool

    def __post_init__(self) -> None:
        if self.equals and self.encoding != "tokens":
            raise Misfit("equals", f"found true, allowed: false for encoding: {self.encoding}")

    @property
    def features(self) -> int:
        """Number of features of a pair."""
        return 2 * self.size if self.encoding == "one-hot" else 2 + self.equals

    @property
    def vocabulary(self) -> int | None:
        """Number of tokens, None for one-hot codes."""
        return None if self.encoding == "one-hot" else self.size + self.equals

    def written(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        """Features (pairs, features) of the elements a and b (pairs,), each below ``size``."""
        if self.encoding == "tokens":
            last = [np.full(len(a), self.size)] * self.equals
            return np.stack([a, b, *last], axis=1).astype(np.float64)
        x = np.zeros((len(a), 2 * self.size))
        x[np.arange(len(a)), a] = 1.0
        x[np.arange(len(a)), self.size + b] = 1.0
        return x


def training_pairs(fraction: float, size: int) -> int:
    """How many of the size² pairs are for training, ⌊fraction·size²⌋.

    Raises:
        Misfit: at fraction, where none would be left to train or to test on.
    """
    count = int(fraction * size**2)
    if not 0 < count < size**2:
        message = f"found {fraction:g} of {size**2} pairs, allowed: a share that leaves some to train"
        raise Misfit("fraction", f"{message} and some to test on")
    return count


def split_pairs(x: NDArray[np.float64], labels: NDArray[np.int64], count: int, seed: int) -> Dataset:
    """Pairs split at random.

    Args:
        x: features (pairs, features).
        labels: (pairs,).
        count: pairs for training; the rest are the test set.
        seed: of the split.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    first, second = order[:count], order[count:]
    return Dataset(x[first], labels[first], x[second], labels[second])
