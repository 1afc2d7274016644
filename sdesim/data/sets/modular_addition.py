"""Modular addition, the task on which grokking was first seen (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from sdesim.data.base import Base, loader
from sdesim.data.dataset import Dataset
from sdesim.data.sets.pairs import Code, Encoding, split_pairs, training_pairs
from sdesim.kinds import kind


@kind("data", "modular-addition")
@dataclass(frozen=True)
class ModularAddition(Base):
    """All p² pairs (a, b) with label (a + b) mod p, split at random.

    x is (n, 2p), the one-hot codes of a and b side by side, or (n, 2), the tokens a and b; the answers are
    labels (n,).

    Args:
        p: modulus.
        fraction: share of the pairs used for training, ⌊fraction·p²⌋ of them; the rest are the test set.
        seed: of the split.
        encoding: of a pair; "one-hot": both codes side by side, 2p features; "tokens": their numbers.
        equals: whether a last token, "=", stands behind both, for networks that answer at the last place.

    Source: Power et al., Grokking, arXiv 2201.02177.
    """

    p: Annotated[int, Ge(2)] = 59
    fraction: Annotated[float, Gt(0), Lt(1)] = 0.3
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
        """Number of classes."""
        return self.p

    def make(self) -> Dataset:
        """Split the pairs."""
        a, b = np.divmod(np.arange(self.p * self.p), self.p)
        labels = ((a + b) % self.p).astype(np.int64)
        return split_pairs(self._code.written(a, b), labels, self.examples, self.seed)


modular_addition = loader(ModularAddition, "modular_addition")
