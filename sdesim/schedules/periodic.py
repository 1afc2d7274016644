"""A sine about a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt

from sdesim.kinds import kind
from sdesim.schedules.base import Array, Base


def value(t: Any, p: Any) -> Any:
    """v + amplitude sin(2πt/period + phase)."""
    return p[0] + p[1] * np.sin(2.0 * np.pi * t / p[2] + p[3])


@kind("schedules", "periodic")
@dataclass(frozen=True)
class Periodic(Base):
    """f(t) = v + amplitude sin(2πt/period + phase).

    Args:
        v: the value about which it swings.
        amplitude: how far.
        period: in units of time.
        phase: in radians; π/2 for a cosine.

    Example:
        {kind: periodic, v: 0.0, amplitude: 0.1, period: 10.0}
    """

    v: float
    amplitude: float
    period: Annotated[float, Gt(0)]
    phase: float = 0.0

    @property
    def value(self) -> Any:
        """v + amplitude sin(2πt/period + phase)."""
        return value

    @property
    def params(self) -> Array:
        """[v, amplitude, period, phase]."""
        return np.array([self.v, self.amplitude, self.period, self.phase])
