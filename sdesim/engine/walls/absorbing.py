"""A wall that ends what reaches it."""

from __future__ import annotations

from dataclasses import dataclass

from sdesim.engine.events.exit import Exit
from sdesim.engine.walls.base import Base, Coordinate, check_sides
from sdesim.kinds import kind


@kind("walls", "absorbing")
@dataclass(frozen=True)
class Absorbing(Base):
    """A trajectory ends where it leaves [lower, upper] in one coordinate.

    It is watched as `events.Exit` is, with its exit time and its flags: the run has one more event for it,
    after those that were asked for.

    Args:
        lower: lower wall; None for none.
        upper: upper wall; None for none.
        coordinate: which coordinate of θ.

    Raises:
        Misfit: there is no wall, or lower is not below upper.

    Example:
        {kind: absorbing, upper: 10.0}
    """

    lower: float | None = None
    upper: float | None = None
    coordinate: Coordinate = 0

    def __post_init__(self) -> None:
        check_sides(self.lower, self.upper)

    @property
    def event(self) -> Exit:
        """The first exit, at which a trajectory stops."""
        return Exit(self.lower, self.upper, self.coordinate)
