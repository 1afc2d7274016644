"""What every data set is: training and test examples as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test examples.

    Attributes:
        x_train: float64 (n, features).
        y_train: int64 labels (n,).
        x_test: float64 (m, features).
        y_test: int64 labels (m,).
    """

    x_train: NDArray[np.float64]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.float64]
    y_test: NDArray[np.int64]

    @property
    def features(self) -> int:
        """Number of input features."""
        return int(self.x_train.shape[1])

    @property
    def classes(self) -> int:
        """Number of classes, one more than the largest label."""
        return int(max(self.y_train.max(initial=0), self.y_test.max(initial=0))) + 1


def flip_labels(
    labels: NDArray[np.int64], share: float, classes: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Labels of which round(share·n) are replaced by one of the other classes, each equally likely.

    Raises:
        SdesimError: if share is outside [0, 1] or there is no other class.
    """
    if not 0.0 <= share <= 1.0:
        raise SdesimError(f"label_noise must be in [0, 1], got {share:g}")
    flipped = labels.copy()
    count = round(share * len(labels))
    if not count:
        return flipped
    if classes < 2:
        raise SdesimError("label_noise needs at least two classes")
    chosen = rng.choice(len(labels), size=count, replace=False)
    flipped[chosen] = (flipped[chosen] + rng.integers(1, classes, size=count)) % classes
    return flipped
