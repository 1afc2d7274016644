"""What an event tells the engine: what to watch at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sdesim.engine.events.region import Region
    from sdesim.surfaces.base import Surface

Problem = tuple[tuple[str | int, ...], str]


@dataclass(frozen=True)
class Bounds:
    """An interval of one coordinate, watched inside the kernel for the first time that it is left.

    Attributes:
        lower, upper: −∞ and ∞ for none.
        coordinate: of θ.
        stop: whether a trajectory stays where it left.
        monitoring: "continuous", what lies between two steps too, or "discrete", at the steps alone.
        overshoot: whether the law of the state behind the wall is asked for.
    """

    lower: float = -math.inf
    upper: float = math.inf
    coordinate: int = 0
    stop: bool = True
    monitoring: Literal["continuous", "discrete"] = "continuous"
    overshoot: bool = False


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

    def region(self, dim: int) -> Region | None:
        """The region of ℝ^d whose first exit is recorded: that of `bounds`; None where none is."""
        bounds = self.bounds
        if bounds is None:
            return None
        from sdesim.engine.events.region import interval

        b = bounds
        return interval(b.lower, b.upper, b.coordinate, dim, b.stop, b.monitoring, b.overshoot)

    @property
    def watches(self) -> bool:
        """Whether a first exit is recorded."""
        return self.bounds is not None

    def excludes(self, starts: NDArray[np.float64]) -> Iterator[Problem]:
        """That all starts (k, d) lie outside: (field, message)."""
        bounds = self.bounds
        if bounds is None:
            return
        at = starts[:, bounds.coordinate]
        if (at < bounds.lower).all():
            yield ("lower",), f"found {bounds.lower:g}, allowed: at most the start, {at.max():g}"
        elif (at > bounds.upper).all():
            yield ("upper",), f"found {bounds.upper:g}, allowed: at least the start, {at.min():g}"

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """What of the event does not suit a surface: (field, message). Only cheap attributes are read."""
        yield from ()
