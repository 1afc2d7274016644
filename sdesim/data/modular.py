"""Modular addition, the task on which grokking was first seen (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdesim.data.dataset import Dataset
from sdesim.errors import SdesimError


def modular_addition(p: int = 59, fraction: float = 0.3, seed: int = 0) -> Dataset:
    """Return all p² pairs (a, b) with label (a + b) mod p, split at random.

    Args:
        p: modulus, at least 2.
        fraction: share of the pairs used for training, ⌊fraction·p²⌋ of them; the rest are the test set.
        seed: of the split.

    Returns:
        Dataset with x (n, 2p), the one-hot codes of a and b side by side, and labels (n,).

    Raises:
        SdesimError: if p is below 2 or a part would be empty.
    """
    if p < 2:
        raise SdesimError(f"p must be at least 2, got {p}")
    a, b = np.divmod(np.arange(p * p), p)
    return split_pairs(a, b, ((a + b) % p).astype(np.int64), p, fraction, seed)


def split_pairs(
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    labels: NDArray[np.int64],
    size: int,
    fraction: float,
    seed: int,
) -> Dataset:
    """Pairs of elements of a set as one-hot codes side by side, split at random.

    Args:
        a, b: elements (pairs,), each below ``size``.
        labels: (pairs,).
        size: number of elements.
        fraction: share of the pairs used for training, rounded down.
        seed: of the split.

    Raises:
        SdesimError: if a part would be empty.
    """
    pairs = len(labels)
    count = int(fraction * pairs)
    if not 0 < count < pairs:
        raise SdesimError(f"fraction must leave pairs to train and to test on, got {fraction:g} of {pairs}")
    x = np.zeros((pairs, 2 * size))
    x[np.arange(pairs), a] = 1.0
    x[np.arange(pairs), size + b] = 1.0
    order = np.random.default_rng(seed).permutation(pairs)
    first, second = order[:count], order[count:]
    return Dataset(x[first], labels[first], x[second], labels[second])
