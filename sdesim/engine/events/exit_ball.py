"""First exit from a ball."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from sdesim.engine.events.base import Base, Problem
from sdesim.kinds import Numbers, kind

if TYPE_CHECKING:
    from sdesim.engine.events.region import Region
    from sdesim.surfaces.base import Surface


@kind("events", "exit-ball")
@dataclass(frozen=True)
class ExitBall(Base):
    """First exit from the ball ‖θ − center‖ ≤ radius, watched as `exit` watches its walls.

    Gaussian noise by the bridge of the distance from the center, as it is along the radius at the start of a
    step; isotropic stable noise by a smaller radius. Other stable noise is watched at the steps alone (flag
    `exit_discrete`).

    Args:
        radius: of the ball.
        center: a number for all coordinates, or (d,).
        stop: whether a trajectory stays where it left.
        monitoring: "continuous", or "discrete" for the first iterate outside.
        overshoot: whether ``exit_state`` must have the law of the state behind the wall, as of `exit`.

    Example:
        {kind: exit-ball, radius: 1.0}
    """

    radius: Annotated[float, Gt(0)]
    center: Annotated[Any, Numbers(0, 1)] = 0.0
    stop: bool = True
    monitoring: Literal["continuous", "discrete"] = "continuous"
    overshoot: bool = False

    @property
    def name(self) -> str:
        """A label, such as "outside a ball of radius 1"."""
        return f"outside a ball of radius {self.radius:g}"

    @property
    def watches(self) -> bool:
        """True."""
        return True

    def _outside(self, theta: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(((theta - self.center) ** 2).sum(axis=1) > self.radius**2)

    def region(self, dim: int) -> Region:
        """The ball."""
        from sdesim.engine.events.region import Region

        params = np.concatenate([[self.radius], np.broadcast_to(self.center, (dim,))])
        home = "sdesim.engine.events.exit_ball_kernels"
        # A ball of many dimensions is left soon: the wall bends by d/radius.
        size = self.radius / dim
        return Region(
            home,
            params,
            1,
            self._outside,
            None,
            np.full(1, np.nan),
            size,
            self.stop,
            self.monitoring,
            self.overshoot,
            True,
        )

    def excludes(self, starts: NDArray[np.float64]) -> Iterator[Problem]:
        """A ball outside of which all starts lie."""
        if self._outside(starts).all():
            least = float(np.sqrt(((starts - self.center) ** 2).sum(axis=1)).min())
            yield ("radius",), f"found {self.radius:g}, allowed: at least the start's distance, {least:g}"

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """A center of another dimension."""
        size = np.size(self.center)
        if np.ndim(self.center) and size != surface.dim:
            yield (
                ("center",),
                f"found {size} numbers, allowed: {surface.dim}, the surface's coordinates, or one",
            )
