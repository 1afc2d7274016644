"""A power of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt

from sdesim.kinds import kind
from sdesim.schedules.base import Array, Base


def value(t: Any, p: Any) -> Any:
    """v (offset + t)^exponent."""
    return p[0] * (p[2] + t) ** p[1]


@kind("schedules", "power")
@dataclass(frozen=True)
class Power(Base):
    """f(t) = v (offset + t)^exponent; a negative exponent for one that falls.

    Args:
        v: the factor, the value where offset + t = 1.
        exponent: of time.
        offset: time that has gone by at the start; above 0.

    Source: the steps a (b + t)^{−γ} of M. Welling & Y. Teh, ICML (2011), §3.

    Example:
        {kind: power, v: 0.1, exponent: -0.5, offset: 1.0}
    """

    v: float
    exponent: float
    offset: Annotated[float, Gt(0)] = 1.0

    @property
    def value(self) -> Any:
        """v (offset + t)^exponent."""
        return value

    @property
    def params(self) -> Array:
        """[v, exponent, offset]."""
        return np.array([self.v, self.exponent, self.offset])
