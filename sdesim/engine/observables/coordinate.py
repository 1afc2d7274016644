"""One coordinate of the state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge

from sdesim.engine.observables.base import Array, Base, Problem
from sdesim.kinds import kind


@kind("observables", "coordinate")
@dataclass(frozen=True)
class Coordinate(Base):
    """One coordinate θ_k, where the others need not be kept.

    Args:
        coordinate: k, from 0 on.

    Example:
        {kind: coordinate, coordinate: 0}
    """

    coordinate: Annotated[int, Ge(0)] = 0

    @property
    def own_units(self) -> str:
        """Those of a parameter."""
        return "parameter"

    @property
    def meaning(self) -> str:
        """In words."""
        return f"coordinate {self.coordinate} of the state"

    def misfits(self, surface: Any, dim: int, starts: Array | None) -> Iterator[Problem]:
        """A coordinate that is not there."""
        if self.coordinate >= dim:
            yield ("coordinate",), f"found {self.coordinate}, allowed: 0 to {dim - 1}"

    def values(self, theta: Array, time: Array, surface: Any) -> Array:
        """θ_k (n,)."""
        return theta[:, self.coordinate]
