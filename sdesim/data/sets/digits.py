"""Handwritten digits: 1,797 images of 8×8 pixels, shipped with scikit-learn (Alpaydin & Kaynak 1998)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Le, Lt, MinLen

from sdesim.data.base import Base
from sdesim.data.dataset import Dataset, check_noisy_classes, flip_labels
from sdesim.kinds import Misfit, kind

# Images of each digit.
_COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)


@kind("data", "digits")
@dataclass(frozen=True)
class Digits(Base):
    """A random split of scikit-learn's handwritten digits, 8×8 pixels scaled to [0, 1].

    x is (n, 64), the answers are labels (n,).

    Args:
        train: number of training images.
        test: number of test images; train + test ≤ 1,797, fewer with classes.
        seed: of the split and of the label noise.
        label_noise: share of the training labels replaced by another class; test labels stay right.
        classes: digits to keep, relabelled 0, 1, … in this order; without it all ten.

    Source: Alpaydin & Kaynak, Cascading classifiers, Kybernetika 34 (1998).
    """

    train: Annotated[int, Ge(1)] = 1000
    test: Annotated[int, Ge(0)] = 500
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    label_noise: Annotated[float, Ge(0), Le(1)] = 0.0
    classes: Annotated[tuple[Annotated[int, Ge(0), Le(9)], ...], MinLen(1)] | None = None

    features: ClassVar[int] = 64
    shape: ClassVar[tuple[int, ...]] = (1, 8, 8)
    labelled: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if len(set(self._kept)) != len(self._kept):
            raise Misfit("classes", f"found {list(self._kept)}, allowed: different digits from 0 to 9")
        most = sum(_COUNTS[digit] for digit in self._kept)
        if self.train + self.test > most:
            message = f"found {self.train + self.test} with test, allowed: at most {most} images together"
            raise Misfit("train", message)
        check_noisy_classes(self.label_noise, self.train, self.outputs)

    @property
    def _kept(self) -> tuple[int, ...]:
        return tuple(range(10)) if self.classes is None else self.classes

    @property
    def outputs(self) -> int:
        """Number of classes."""
        return len(self._kept)

    @property
    def examples(self) -> int:
        """Number of training images."""
        return self.train

    @property
    def tested(self) -> bool:
        """Whether there are test images."""
        return self.test > 0

    def make(self) -> Dataset:
        """Split the images."""
        from sklearn.datasets import load_digits  # type: ignore[import-untyped,unused-ignore]

        images, labels = load_digits(return_X_y=True)
        code = np.full(10, -1, dtype=np.int64)
        code[list(self._kept)] = np.arange(len(self._kept))
        relabelled = code[labels]
        images, relabelled = images[relabelled >= 0] / 16.0, relabelled[relabelled >= 0]
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(len(images))
        first, second = order[: self.train], order[self.train : self.train + self.test]
        noisy = flip_labels(relabelled[first], self.label_noise, self.outputs, rng)
        return Dataset(
            images[first].astype(np.float64), noisy, images[second].astype(np.float64), relabelled[second]
        )


def digits(
    train: int = 1000,
    test: int = 500,
    seed: int = 0,
    label_noise: float = 0.0,
    classes: Sequence[int] | None = None,
) -> Dataset:
    """The examples of `Digits`."""
    return Digits(train, test, seed, label_noise, None if classes is None else tuple(classes)).load()
