"""Modular addition, the task on which grokking was first seen (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from sdesim.data.base import Base, loader
from sdesim.data.dataset import Dataset
from sdesim.data.sets.pairs import split_pairs, training_pairs
from sdesim.kinds import kind


@kind("data", "modular-addition")
@dataclass(frozen=True)
class ModularAddition(Base):
    """All p² pairs (a, b) with label (a + b) mod p, split at random.

    x is (n, 2p), the one-hot codes of a and b side by side, the answers are labels (n,).

    Args:
        p: modulus.
        fraction: share of the pairs used for training, ⌊fraction·p²⌋ of them; the rest are the test set.
        seed: of the split.

    Source: Power et al., Grokking, arXiv 2201.02177.
    """

    p: Annotated[int, Ge(2)] = 59
    fraction: Annotated[float, Gt(0), Lt(1)] = 0.3
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    labelled: ClassVar[bool] = True
    tested: ClassVar[bool] = True

    def __post_init__(self) -> None:
        training_pairs(self.fraction, self.outputs)

    @property
    def examples(self) -> int:
        """Number of training pairs."""
        return training_pairs(self.fraction, self.outputs)

    @property
    def features(self) -> int:
        """Two one-hot codes."""
        return 2 * self.outputs

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return self.p

    def make(self) -> Dataset:
        """Split the pairs."""
        a, b = np.divmod(np.arange(self.p * self.p), self.p)
        labels = ((a + b) % self.p).astype(np.int64)
        return split_pairs(a, b, labels, self.p, self.examples, self.seed)


modular_addition = loader(ModularAddition, "modular_addition")
