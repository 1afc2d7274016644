"""Chebyshev polynomials, on which the edge of stability is seen in one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from sdesim.data.base import Base, loader
from sdesim.data.dataset import Dataset
from sdesim.kinds import kind


@kind("data", "chebyshev")
@dataclass(frozen=True)
class Chebyshev(Base):
    """The Chebyshev polynomial T_k(x) = cos(k arccos x) at equally spaced points of [−1, 1].

    The task on which the edge of stability is seen in one dimension. x and the targets are (points, 1), all
    for training.

    Args:
        degree: k.
        points: number of points.

    Source: Cohen et al., Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability, arXiv
    2103.00065, appendix.
    """

    degree: Annotated[int, Ge(0)] = 5
    points: Annotated[int, Ge(2)] = 20

    features: ClassVar[int] = 1
    outputs: ClassVar[int] = 1
    labelled: ClassVar[bool] = False
    tested: ClassVar[bool] = False

    @property
    def examples(self) -> int:
        """Number of training points."""
        return self.points

    def make(self) -> Dataset:
        """The polynomial at the points."""
        x = np.linspace(-1.0, 1.0, self.points)[:, None]
        none = np.empty((0, 1))
        return Dataset(x, np.cos(self.degree * np.arccos(x)), none, none)


chebyshev = loader(Chebyshev, "chebyshev")
