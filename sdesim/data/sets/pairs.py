"""Tasks on all pairs of elements of a finite set: sizes, and the random split of their one-hot codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdesim.data.dataset import Dataset
from sdesim.kinds import Misfit


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


def split_pairs(
    a: NDArray[np.int64], b: NDArray[np.int64], labels: NDArray[np.int64], size: int, count: int, seed: int
) -> Dataset:
    """Pairs of elements of a set as one-hot codes side by side, split at random.

    Args:
        a, b: elements (pairs,), each below ``size``.
        labels: (pairs,).
        size: number of elements.
        count: pairs for training; the rest are the test set.
        seed: of the split.

    Returns:
        Dataset with x (n, 2·size) and labels (n,).
    """
    pairs = len(labels)
    x = np.zeros((pairs, 2 * size))
    x[np.arange(pairs), a] = 1.0
    x[np.arange(pairs), size + b] = 1.0
    order = np.random.default_rng(seed).permutation(pairs)
    first, second = order[:count], order[count:]
    return Dataset(x[first], labels[first], x[second], labels[second])
