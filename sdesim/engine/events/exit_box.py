"""First exit from a box."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.events.base import Base, Problem
from sdesim.kinds import Misfit, Numbers, kind

if TYPE_CHECKING:
    from sdesim.engine.events.region import Region
    from sdesim.surfaces.base import Surface


@kind("events", "exit-box")
@dataclass(frozen=True)
class ExitBox(Base):
    """First exit from the box lower ≤ θ ≤ upper in all coordinates, watched as `exit` watches its walls.

    ``exit_wall`` is 2i for the lower wall of coordinate i and 2i + 1 for the upper one.

    Args:
        lower: a number for all coordinates, or (d,).
        upper: a number for all coordinates, or (d,); above lower.
        stop: whether a trajectory stays where it left.
        monitoring: "continuous", or "discrete" for the first iterate outside.
        overshoot: whether ``exit_state`` must have the law of the state behind the wall, as of `exit`.

    Example:
        {kind: exit-box, lower: -1.0, upper: [1.0, 2.0]}
    """

    lower: Annotated[Any, Numbers(0, 1)]
    upper: Annotated[Any, Numbers(0, 1)]
    stop: bool = True
    monitoring: Literal["continuous", "discrete"] = "continuous"
    overshoot: bool = False

    def __post_init__(self) -> None:
        sizes = {np.size(side) for side in (self.lower, self.upper) if np.ndim(side)}
        if len(sizes) > 1:
            raise Misfit(
                "upper", f"found {np.size(self.upper)} numbers, allowed: {np.size(self.lower)}, as lower"
            )
        if not np.all(np.asarray(self.lower) < np.asarray(self.upper)):
            raise Misfit("upper", "found one that is not above lower, allowed: above lower everywhere")

    @property
    def name(self) -> str:
        """A label."""
        return "outside a box"

    @property
    def watches(self) -> bool:
        """True."""
        return True

    def _outside(self, theta: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(((theta < self.lower) | (theta > self.upper)).any(axis=1))

    def region(self, dim: int) -> Region:
        """The box."""
        from sdesim.engine.events.region import Region, along_axes

        lower, upper = (np.broadcast_to(side, (dim,)).astype(np.float64) for side in (self.lower, self.upper))
        places = np.stack([lower, upper], axis=1).reshape(-1)
        normals = along_axes(np.repeat(np.arange(dim), 2), np.tile([-1.0, 1.0], dim), dim)
        home = "sdesim.engine.events.exit_box_kernels"
        size = 0.5 * float((upper - lower).min())
        return Region(
            home,
            places,
            2 * dim,
            self._outside,
            normals,
            places,
            size,
            self.stop,
            self.monitoring,
            self.overshoot,
            True,
        )

    def excludes(self, starts: NDArray[np.float64]) -> Iterator[Problem]:
        """A box outside of which all starts lie."""
        if self._outside(starts).all():
            below = bool((starts < self.lower).any(axis=1).all())
            side = "lower" if below else "upper"
            yield (side,), "found a wall beyond the start, allowed: a box that holds the start"

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """Sides of another dimension."""
        for field in ("lower", "upper"):
            side = getattr(self, field)
            if np.ndim(side) and np.size(side) != surface.dim:
                found = f"found {np.size(side)} numbers"
                yield (field,), f"{found}, allowed: {surface.dim}, the surface's coordinates, or one"
