"""Composition of permutations, a task on which grokking is late (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

import itertools
import math

import numpy as np

from sdesim.data.dataset import Dataset
from sdesim.data.modular import split_pairs
from sdesim.errors import SdesimError

# Six would make half a million pairs of 1,440 features.
_LARGEST = 5


def permutations(n: int = 5, fraction: float = 0.5, seed: int = 0) -> Dataset:
    """Return all pairs (a, b) of permutations in Sₙ with the label of a∘b, split at random.

    Permutations are numbered in lexicographic order, and (a∘b)(i) = a(b(i)).

    Args:
        n: size of the set that is permuted, 2 to 5; there are (n!)² pairs, 14,400 for n = 5.
        fraction: share of the pairs used for training, ⌊fraction·(n!)²⌋ of them; the rest are the test set.
        seed: of the split.

    Returns:
        Dataset with x (pairs, 2·n!), the one-hot codes of a and b side by side, and labels (pairs,).

    Raises:
        SdesimError: if n is out of range or a part would be empty.
    """
    if not 2 <= n <= _LARGEST:
        raise SdesimError(f"n must be 2 to {_LARGEST}, got {n}")
    group = np.array(list(itertools.permutations(range(n))))
    powers = n ** np.arange(n)
    number = {int(code): k for k, code in enumerate(group @ powers)}
    a, b = np.divmod(np.arange(math.factorial(n) ** 2), len(group))
    composed = np.take_along_axis(group[a], group[b], axis=1) @ powers
    labels = np.array([number[int(code)] for code in composed], dtype=np.int64)
    return split_pairs(a, b, labels, len(group), fraction, seed)
