"""A cosine between two values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt

from sdesim.kinds import kind
from sdesim.schedules.base import Array, Base


def value(t: Any, p: Any) -> Any:
    """low + (v − low)(1 + cos 2πt/period)/2."""
    return p[2] + 0.5 * (p[0] - p[2]) * (1.0 + np.cos(2.0 * np.pi * t / p[1]))


@kind("schedules", "cosine")
@dataclass(frozen=True)
class Cosine(Base):
    """f(t) = low + (v − low)(1 + cos 2πt/period)/2: from v down to low in half a period, and up again.

    Args:
        v: the value at the start.
        period: time from one v to the next; twice the length of a run that ends at low.
        low: the value half a period later.

    Example:
        {kind: cosine, v: 0.1, period: 20.0}
    """

    v: float
    period: Annotated[float, Gt(0)]
    low: float = 0.0

    @property
    def value(self) -> Any:
        """low + (v − low)(1 + cos 2πt/period)/2."""
        return value

    @property
    def params(self) -> Array:
        """[v, period, low]."""
        return np.array([self.v, self.period, self.low])
