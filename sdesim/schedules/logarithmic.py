"""The slow fall of simulated annealing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt

from sdesim.kinds import kind
from sdesim.schedules.base import Array, Base


def value(t: Any, p: Any) -> Any:
    """v/log(offset + t)."""
    return p[0] / np.log(p[1] + t)


@kind("schedules", "logarithmic")
@dataclass(frozen=True)
class Logarithmic(Base):
    """f(t) = v/log(offset + t): as a diffusion, annealing that finds the deepest well if v is large enough.

    Args:
        v: in the annealing of a loss, at least the depth that has to be climbed.
        offset: above 1, so that the logarithm is above 0 from the start.

    Source: S. Geman & D. Geman, IEEE Trans. PAMI 6 (1984); in continuous time T.-S. Chiang, C.-R. Hwang &
    S.-J. Sheu, SIAM J. Control Optim. 25 (1987).

    Example:
        {kind: logarithmic, v: 0.5}
    """

    v: float
    offset: Annotated[float, Gt(1)] = 2.0

    @property
    def value(self) -> Any:
        """v/log(offset + t)."""
        return value

    @property
    def params(self) -> Array:
        """[v, offset]."""
        return np.array([self.v, self.offset])
