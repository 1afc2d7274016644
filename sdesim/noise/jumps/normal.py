"""Normal jumps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from sdesim.kinds import kind
from sdesim.noise.jumps.base import Base


@kind("jumps", "normal")
@dataclass(frozen=True)
class Normal(Base):
    """Jumps J ~ N(mean, std²).

    Args:
        mean: E J.
        std: standard deviation, not negative.

    Source: R. Merton, J. Financial Econ. 3 (1976) 125.

    Example:
        {kind: normal, mean: -0.1, std: 0.2}
    """

    mean: float = 0.0
    std: Annotated[float, Ge(0)] = 1.0

    @property
    def function(self) -> str:
        """The compiled draw."""
        return "normal"

    @property
    def params(self) -> NDArray[np.float64]:
        """[mean, std]."""
        return np.array([self.mean, self.std])

    @property
    def second_moment(self) -> float:
        """mean² + std²."""
        return self.mean**2 + self.std**2
