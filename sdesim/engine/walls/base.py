"""What a wall tells the engine: how states that stepped across it come back, or what ends them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from sdesim.errors import SdesimError

if TYPE_CHECKING:
    from sdesim.engine.events.base import Base as Event

Array = NDArray[np.float64]
Problem = tuple[tuple[str | int, ...], str]
Coordinate = Annotated[int, Ge(0)]


@dataclass(frozen=True)
class WallKernel:
    """Name and parameters of a wall's compiled function.

    ``fn(x, v, params)`` brings states x (d, W) back after a step, in place; v is the second state of schemes
    that have one, (0, W) elsewhere.

    Attributes:
        module: dotted name of the module that holds it. function: its name.
        params: float64 (p,).
        near: name of a function ``fn(before, after, slope, lane, h, sizes, params)`` of the same module: how
            far off a step of length h of one lane may be because of the wall, from its drift −slope (d, W)
            and the sizes (d,) of its noise; None where it is not.
    """

    module: str
    function: str
    params: Array
    near: str | None = None


class Base:
    """The base of every wall; a subclass is a frozen dataclass with `coordinate`, `lower` and `upper`.

    It has `kernel`, or `event` where it ends trajectories.
    """

    @property
    def interval(self) -> tuple[float, float]:
        """Where the coordinate is let be."""
        lower, upper = getattr(self, "lower", None), getattr(self, "upper", None)
        return -math.inf if lower is None else lower, math.inf if upper is None else upper

    @property
    def event(self) -> Event | None:
        """The event that ends a trajectory at the wall; None where none does."""
        return None

    def kernel(self) -> WallKernel | None:
        """The compiled side; None where nothing is brought back."""
        return None

    def misfits(self, dim: int, starts: Array | None) -> Iterator[Problem]:
        """What does not suit d coordinates, or starts (k, d) as far as they are known: (field, message)."""
        coordinate = int(getattr(self, "coordinate", 0))
        if coordinate >= dim:
            yield ("coordinate",), f"found {coordinate}, allowed: 0 to {dim - 1}, the surface's coordinates"
            return
        lower, upper = self.interval
        if starts is None:
            return
        at = starts[:, coordinate]
        if (at < lower).any():
            yield ("lower",), f"found {lower:g}, allowed: at most the start, {at.min():g}"
        if (at > upper).any():
            yield ("upper",), f"found {upper:g}, allowed: at least the start, {at.max():g}"


def check_sides(lower: float | None, upper: float | None) -> None:
    """Check the two sides of a wall.

    Raises:
        Misfit: both are missing, or they are in the wrong order.
    """
    from sdesim.kinds import Misfit

    if lower is None and upper is None:
        raise Misfit("lower", "missing, give lower, upper or both")
    if lower is not None and upper is not None and not lower < upper:
        raise Misfit("upper", f"found {upper:g}, allowed: above lower, {lower:g}")


def clashes(walls: Sequence[Any]) -> Iterator[Problem]:
    """Walls of which two stand on the same side of one coordinate: (number and field, message)."""
    taken: dict[tuple[int, str], int] = {}
    for k, wall in enumerate(walls):
        sides = zip(("lower", "upper"), wall.interval, strict=True)
        for side in [name for name, at in sides if math.isfinite(at)]:
            other = taken.setdefault((wall.coordinate, side), k)
            if other != k:
                yield (k, side), f"found a second wall there, allowed: one; the other is boundary[{other}]"


def confine(walls: Sequence[Any], dim: int) -> bool:
    """Whether walls that bring states back bound each of d coordinates on both sides."""
    held = [wall for wall in walls if wall.kernel() is not None]
    sides = {(int(w.coordinate), k) for w in held for k in (0, 1) if math.isfinite(w.interval[k])}
    return len(sides) == 2 * dim


def kernels_of(walls: Sequence[Any]) -> tuple[WallKernel, ...]:
    """The compiled sides of walls that bring states back.

    Raises:
        SdesimError: a wall has neither a compiled side nor an event.
    """
    found = []
    for wall in walls:
        kernel = wall.kernel()
        if kernel is None and wall.event is None:
            raise SdesimError(f"{type(wall).__name__} must have kernel() or event")
        found += [] if kernel is None else [kernel]
    return tuple(found)
