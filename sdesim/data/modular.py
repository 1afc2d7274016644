"""Modular addition, the task on which grokking was first seen (Power et al. 2022, arXiv 2201.02177)."""

from __future__ import annotations

import numpy as np

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
    count = int(fraction * p * p)
    if not 0 < count < p * p:
        raise SdesimError(f"fraction must leave pairs to train and to test on, got {fraction:g} of {p * p}")
    a, b = np.divmod(np.arange(p * p), p)
    x = np.zeros((p * p, 2 * p))
    x[np.arange(p * p), a] = 1.0
    x[np.arange(p * p), p + b] = 1.0
    y = ((a + b) % p).astype(np.int64)
    order = np.random.default_rng(seed).permutation(p * p)
    first, second = order[:count], order[count:]
    return Dataset(x[first], y[first], x[second], y[second])
