"""First exit of one coordinate from an interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge

from sdesim.engine.events.base import Base, Bounds, Problem
from sdesim.kinds import Misfit, kind

if TYPE_CHECKING:
    from sdesim.surfaces.base import Surface


@dataclass(frozen=True)
class _Open:
    """Reads an infinite bound on its own side as None, which is what a file calls it."""

    infinity: float

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def read(self, value: Any) -> Any:
        return None if isinstance(value, float) and value == self.infinity else value


@kind("events", "exit")
@dataclass(frozen=True)
class Exit(Base):
    """First exit of one coordinate from [lower, upper].

    The time recorded is dt × index of the first iterate outside, without interpolation; NaN and
    ``exit_censored`` where the trajectory never leaves. `sdesim.exit_statistics` reads such times.

    Args:
        lower: lower bound; None (or −inf) for none.
        upper: upper bound; None (or inf) for none.
        coordinate: which coordinate of θ.
        stop: whether a trajectory stays where it left.

    Example:
        {kind: exit, upper: 0}
    """

    lower: Annotated[float | None, _Open(-math.inf)] = None
    upper: Annotated[float | None, _Open(math.inf)] = None
    coordinate: Annotated[int, Ge(0)] = 0
    stop: bool = True

    def __post_init__(self) -> None:
        if self.lower is None and self.upper is None:
            raise Misfit("upper", "missing, give lower, upper or both")
        bounds = self.bounds
        if not bounds.lower < bounds.upper:
            raise Misfit("upper", f"found {bounds.upper:g}, allowed: above lower, {bounds.lower:g}")

    @property
    def bounds(self) -> Bounds:
        """The interval itself."""
        lower = -math.inf if self.lower is None else self.lower
        upper = math.inf if self.upper is None else self.upper
        return Bounds(lower, upper, self.coordinate, self.stop)

    @property
    def name(self) -> str:
        """A label, such as "x0 outside [-inf, 0]"."""
        return f"x{self.coordinate} outside [{self.bounds.lower:g}, {self.bounds.upper:g}]"

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """A coordinate that the surface does not have."""
        if self.coordinate >= surface.dim:
            message = f"found {self.coordinate}, allowed: 0 to {surface.dim - 1}, the surface's coordinates"
            yield ("coordinate",), message
