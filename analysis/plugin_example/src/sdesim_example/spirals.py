"""Two spirals that wind around each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt

from sdesim.data import Base, Dataset
from sdesim.kinds import kind


@kind("data", "spirals")
@dataclass(frozen=True)
class Spirals(Base):
    """Points on two arms r = t, φ = 2π turns t + π label, t uniform on (0.1, 1), with Gaussian scatter.

    Args:
        train: number of training points.
        test: number of test points.
        turns: of each arm.
        scatter: standard deviation around the arm.
        seed: of the points.

    Source: K. Lang & M. Witbrock, Learning to tell two spirals apart, Proc. Connectionist Models Summer
    School (1988).

    Example:
        {kind: spirals, train: 60, test: 40}
    """

    train: Annotated[int, Ge(2)] = 200
    test: Annotated[int, Ge(0)] = 100
    turns: Annotated[float, Gt(0)] = 0.75
    scatter: Annotated[float, Ge(0)] = 0.05
    seed: Annotated[int, Ge(0)] = 0

    features: ClassVar[int] = 2
    outputs: ClassVar[int] = 2
    labelled: ClassVar[bool] = True

    @property
    def examples(self) -> int:
        """Number of training points, known before any is drawn."""
        return self.train

    @property
    def tested(self) -> bool:
        """Whether there are test points."""
        return self.test > 0

    def make(self) -> Dataset:
        """Draw the points; every other one is of the second arm."""
        rng = np.random.default_rng(self.seed)
        count = self.train + self.test
        labels = np.arange(count) % 2
        radius = rng.uniform(0.1, 1.0, count)
        angle = 2.0 * np.pi * self.turns * radius + np.pi * labels
        x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        x += self.scatter * rng.standard_normal((count, 2))
        return Dataset(x[: self.train], labels[: self.train], x[self.train :], labels[self.train :])
