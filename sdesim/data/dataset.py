"""What every data set is: training and test examples as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.kinds import Misfit


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


def check_noisy_classes(share: float, train: int, classes: int) -> None:
    """Refuse label noise where there is no other class.

    Raises:
        Misfit: at label_noise.
    """
    if round(share * train) and classes < 2:
        raise Misfit("label_noise", f"found {share:g}, allowed: 0 for a single class")


def flip_labels(
    labels: NDArray[np.int64], share: float, classes: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Labels of which round(share·n) are replaced by one of the other classes, each equally likely."""
    flipped = labels.copy()
    count = round(share * len(labels))
    if not count:
        return flipped
    chosen = rng.choice(len(labels), size=count, replace=False)
    flipped[chosen] = (flipped[chosen] + rng.integers(1, classes, size=count)) % classes
    return flipped
