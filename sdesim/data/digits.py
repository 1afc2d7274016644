"""Handwritten digits: 1,797 images of 8×8 pixels, shipped with scikit-learn (Alpaydin & Kaynak 1998)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdesim.data.dataset import Dataset, check_sizes, flip_labels
from sdesim.errors import SdesimError


def digits(
    train: int = 1000,
    test: int = 500,
    seed: int = 0,
    label_noise: float = 0.0,
    classes: Sequence[int] | None = None,
) -> Dataset:
    """Return a random split of the digits, pixels scaled to [0, 1].

    Args:
        train: number of training images.
        test: number of test images; train + test ≤ 1,797 (fewer with ``classes``).
        seed: of the split and of the label noise.
        label_noise: share of the training labels replaced by another class; test labels stay right.
        classes: digits to keep, relabelled 0, 1, … in this order; None keeps all ten.

    Returns:
        Dataset with x (n, 64) and labels (n,).

    Raises:
        SdesimError: if there are too few images or a class is not a digit.
    """
    from sklearn.datasets import load_digits  # type: ignore[import-untyped,unused-ignore]

    images, labels = load_digits(return_X_y=True)
    kept = list(range(10)) if classes is None else [int(c) for c in classes]
    if len(set(kept)) != len(kept) or not kept or not set(kept) <= set(range(10)):
        raise SdesimError(f"classes must be different digits from 0 to 9, got {kept}")
    code = np.full(10, -1, dtype=np.int64)
    code[kept] = np.arange(len(kept))
    relabelled = code[labels]
    images, relabelled = images[relabelled >= 0] / 16.0, relabelled[relabelled >= 0]
    check_sizes(train, test)
    if train + test > len(images):
        raise SdesimError(f"train + test must be at most {len(images)}, got {train} + {test}")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images))
    first, second = order[:train], order[train : train + test]
    noisy = flip_labels(relabelled[first], label_noise, len(kept), rng)
    return Dataset(
        images[first].astype(np.float64), noisy, images[second].astype(np.float64), relabelled[second]
    )
