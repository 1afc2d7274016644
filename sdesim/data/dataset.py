"""What every data set is: training and test examples as arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.kinds import Misfit

# The label of a place that counts for nothing, as torch's cross_entropy has it.
IGNORED = -100


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test examples.

    Attributes:
        x_train: float64 (n, features).
        y_train: int64 labels (n,) or, of places, (n, positions); or float64 targets (n, outputs).
        x_test: float64 (m, features).
        y_test: the same of the test examples.
        shape: how an example's features are arranged, row-major: (C, H, W) for images, (C, L) for signals;
            left out, (features,).
        vocabulary: V where the features are tokens 0 … V − 1, else None.
        positions: labels of an example where it has several, −100 where one is to be ignored; else None.
        known_classes: classes that there are whether or not all occur, 0 where that is not known.

    Raises:
        SdesimError: the shape holds another number of features, or the labels another of positions.
    """

    x_train: NDArray[np.float64]
    y_train: NDArray[Any]
    x_test: NDArray[np.float64]
    y_test: NDArray[Any]
    shape: tuple[int, ...] = ()
    vocabulary: int | None = None
    positions: int | None = None
    known_classes: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape) or (self.features,))
        if math.prod(self.shape) != self.features:
            raise SdesimError(f"the shape {self.shape} is not of {self.features} features")
        for y in (self.y_train, self.y_test) if self.positions is not None else ():
            if y.dtype.kind not in "iu" or y.shape[1:] != (self.positions,):
                found = f"{y.dtype} of shape {y.shape}"
                raise SdesimError(
                    f"labels of {self.positions} positions are whole (n, {self.positions}), got {found}"
                )

    @property
    def features(self) -> int:
        """Number of input features."""
        return int(self.x_train.shape[1])

    @property
    def labelled(self) -> bool:
        """Whether y holds class labels, not targets."""
        return self.y_train.ndim == 1 or self.positions is not None

    @property
    def classes(self) -> int:
        """Number of classes, as known or one more than the largest label; 0 where y holds targets."""
        if not self.labelled:
            return 0
        found = int(max(self.y_train.max(initial=0), self.y_test.max(initial=0))) + 1
        return max(found, self.known_classes)

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
