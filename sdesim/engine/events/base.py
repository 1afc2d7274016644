"""What an event tells the engine: what to watch at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sdesim.surfaces.base import Surface

Problem = tuple[tuple[str | int, ...], str]


@dataclass(frozen=True)
class Bounds:
    """An interval of one coordinate, watched inside the kernel for the first time that it is left.

    Attributes:
        lower, upper: −∞ and ∞ for none.
        coordinate: of θ.
        stop: whether a trajectory stays where it left.
    """

    lower: float = -math.inf
    upper: float = math.inf
    coordinate: int = 0
    stop: bool = True


class Base:
    """The base of every event; a subclass is a frozen dataclass.

    Attributes:
        counts_wells: whether the time in each well of the surface is counted.
    """

    counts_wells: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """A label for the run's `event` coordinate."""
        return type(self).__name__

    @property
    def bounds(self) -> Bounds | None:
        """The interval whose first exit is recorded; None where none is."""
        return None

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """What of the event does not suit a surface: (field, message). Only cheap attributes are read."""
        yield from ()
