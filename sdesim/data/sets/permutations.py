"""Composition of permutations, a task on which grokking is late (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le, Lt

from sdesim.data.base import Base, loader
from sdesim.data.dataset import Dataset
from sdesim.data.sets.pairs import Code, Encoding, split_pairs, training_pairs
from sdesim.kinds import kind

# Six would make half a million pairs of 1,440 features.
_LARGEST = 5


@kind("data", "permutations")
@dataclass(frozen=True)
class Permutations(Base):
    """All pairs (a, b) of permutations of n things with the label of a∘b, split at random.

    Permutations are numbered in lexicographic order, and (a∘b)(i) = a(b(i)). x is (pairs, 2·n!), the one-hot
    codes of a and b side by side, or (pairs, 2), their numbers as tokens; the answers are labels (pairs,).

    Args:
        n: size of the set that is permuted; there are (n!)² pairs, 14,400 for n = 5.
        fraction: share of the pairs used for training, ⌊fraction·(n!)²⌋ of them; the rest are the test set.
        seed: of the split.
        encoding: of a pair; "one-hot": both codes side by side, 2·n! features; "tokens": their numbers.
        equals: whether a last token, "=", stands behind both, for networks that answer at the last place.

    Source: Power et al., Grokking, arXiv 2201.02177.
    """

    n: Annotated[int, Ge(2), Le(_LARGEST)] = 5
    fraction: Annotated[float, Gt(0), Lt(1)] = 0.5
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    encoding: Encoding = "one-hot"
    equals: bool = False

    labelled: ClassVar[bool] = True
    tested: ClassVar[bool] = True

    def __post_init__(self) -> None:
        training_pairs(self.fraction, self.outputs)
        _ = self._code

    @property
    def _code(self) -> Code:
        return Code(self.outputs, self.encoding, self.equals)

    @property
    def examples(self) -> int:
        """Number of training pairs."""
        return training_pairs(self.fraction, self.outputs)

    @property
    def features(self) -> int:
        """Two one-hot codes, or tokens."""
        return self._code.features

    @property
    def vocabulary(self) -> int | None:
        """Number of tokens, None for one-hot codes."""
        return self._code.vocabulary

    @property
    def outputs(self) -> int:
        """Number of classes, n!."""
        return math.factorial(self.n)

    def make(self) -> Dataset:
        """Compose and split the pairs."""
        group = np.array(list(itertools.permutations(range(self.n))))
        powers = self.n ** np.arange(self.n)
        number = {int(code): k for k, code in enumerate(group @ powers)}
        a, b = np.divmod(np.arange(len(group) ** 2), len(group))
        composed = np.take_along_axis(group[a], group[b], axis=1) @ powers
        labels = np.array([number[int(code)] for code in composed], dtype=np.int64)
        return split_pairs(self._code.written(a, b), labels, self.examples, self.seed)


permutations = loader(Permutations, "permutations")
