"""How far the state is from a point."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from sdesim.engine.observables.base import Array, Base, Problem, summed
from sdesim.kinds import Numbers, kind


@kind("observables", "distance")
@dataclass(frozen=True, eq=False)
class Distance(Base):
    """The Euclidean distance |θ − c| from a point.

    Args:
        center: c, one number for each coordinate, or one for all.

    Example:
        {kind: distance, center: 1.0}
    """

    center: Annotated[Any, Numbers(0, 1)]

    @property
    def own_units(self) -> str:
        """Those of a parameter."""
        return "parameter"

    @property
    def meaning(self) -> str:
        """In words."""
        return "Euclidean distance of the state from a point"

    def misfits(self, surface: Any, dim: int, starts: Array | None) -> Iterator[Problem]:
        """A point of another dimension."""
        if np.ndim(self.center) and len(self.center) != dim:
            yield ("center",), f"found {len(self.center)} numbers, allowed: one, or {dim}"

    def values(self, theta: Array, time: Array, surface: Any) -> Array:
        """|θ − c| (n,)."""
        center = np.broadcast_to(self.center, theta.shape[1:])
        return np.sqrt(summed(lambda k: (theta[:, k] - center[k]) ** 2, theta.shape[1]))
