"""A coefficient that does not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.kinds import kind
from sdesim.schedules.base import Array, Base


def value(t: Any, p: Any) -> Any:
    """v at all times."""
    return p[0] + 0.0 * t


@kind("schedules", "constant")
@dataclass(frozen=True)
class Constant(Base):
    """f(t) = v: the number itself, to the bit.

    Args:
        v: the value.

    Example:
        {kind: constant, v: 0.1}
    """

    v: float

    @property
    def value(self) -> Any:
        """v."""
        return value

    @property
    def params(self) -> Array:
        """[v]."""
        return np.array([self.v])

    @property
    def constant(self) -> float:
        """v."""
        return self.v
