"""Time spent in the wells of a surface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sdesim.engine.events.base import Base, Problem
from sdesim.kinds import kind

if TYPE_CHECKING:
    from sdesim.surfaces.base import Surface


@kind("events", "occupancy")
@dataclass(frozen=True)
class Occupancy(Base):
    """Share of the steps after which a trajectory was in each well of the surface, while it lived.

    Example:
        {kind: occupancy}
    """

    counts_wells: ClassVar[bool] = True

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """A surface without wells."""
        if not surface.wells:
            yield (), "occupancy needs a surface with named wells, such as DoubleWell or FlatSharp"
