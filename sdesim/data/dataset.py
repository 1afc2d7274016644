"""What every data set is: training and test examples as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test examples.

    Attributes:
        x_train: float64 (n, features).
        y_train: int64 labels (n,), or float64 targets (n, outputs).
        x_test: float64 (m, features).
        y_test: int64 labels (m,), or float64 targets (m, outputs).
    """

    x_train: NDArray[np.float64]
    y_train: NDArray[Any]
    x_test: NDArray[np.float64]
    y_test: NDArray[Any]

    @property
    def features(self) -> int:
        """Number of input features."""
        return int(self.x_train.shape[1])

    @property
    def labelled(self) -> bool:
        """Whether y holds class labels, not targets."""
        return self.y_train.ndim == 1

    @property
    def classes(self) -> int:
        """Number of classes, one more than the largest label; 0 where y holds targets."""
        if not self.labelled:
            return 0
        return int(max(self.y_train.max(initial=0), self.y_test.max(initial=0))) + 1

    @property
    def outputs(self) -> int:
        """Outputs that a network needs for these data: one for each class, or for each target."""
        return self.classes if self.labelled else int(self.y_train.shape[1])


def check_sizes(train: int, test: int) -> None:
    """Refuse sizes that no data set can have.

    Raises:
        SdesimError: naming them.
    """
    if train < 1 or test < 0:
        raise SdesimError(f"train must be at least 1 and test at least 0, got {train} and {test}")


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
