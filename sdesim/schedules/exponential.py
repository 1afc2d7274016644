"""Exponential decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.kinds import kind
from sdesim.schedules.base import Array, Base


def value(t: Any, p: Any) -> Any:
    """v exp(−rate t)."""
    return p[0] * np.exp(-p[1] * t)


@kind("schedules", "exponential")
@dataclass(frozen=True)
class Exponential(Base):
    """f(t) = v exp(−rate t).

    Args:
        v: the value at the start.
        rate: how fast it falls, per unit of time; a negative one for growth.

    Example:
        {kind: exponential, v: 0.1, rate: 0.5}
    """

    v: float
    rate: float

    @property
    def value(self) -> Any:
        """v exp(−rate t)."""
        return value

    @property
    def params(self) -> Array:
        """[v, rate]."""
        return np.array([self.v, self.rate])
