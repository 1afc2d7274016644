"""First exit from a half-space."""

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


@kind("events", "exit-half-space")
@dataclass(frozen=True)
class ExitHalfSpace(Base):
    """First exit from the half-space normal·θ ≤ offset, watched as `exit` watches its walls.

    Args:
        normal: (d,), of any length but 0; it points outward.
        offset: of the wall, in units of normal·θ.
        stop: whether a trajectory stays where it left.
        monitoring: "continuous", or "discrete" for the first iterate outside.
        overshoot: whether ``exit_state`` must have the law of the state behind the wall, as of `exit`.

    Example:
        {kind: exit-half-space, normal: [1, 1], offset: 2.0}
    """

    normal: Annotated[Any, Numbers(1)]
    offset: float
    stop: bool = True
    monitoring: Literal["continuous", "discrete"] = "continuous"
    overshoot: bool = False

    def __post_init__(self) -> None:
        if not np.any(self.normal):
            raise Misfit("normal", "found zeros, allowed: a direction")

    @property
    def name(self) -> str:
        """A label, such as "beyond a plane"."""
        return f"beyond a plane at {self.offset:g}"

    @property
    def watches(self) -> bool:
        """True."""
        return True

    def _outside(self, theta: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray(theta @ self.normal > self.offset)

    def region(self, dim: int) -> Region:
        """The half-space, with a normal of length 1."""
        from sdesim.engine.events.region import Region

        length = float(np.linalg.norm(self.normal))
        unit = np.asarray(self.normal, dtype=np.float64) / length
        along = np.flatnonzero(unit)
        place = self.offset / length * unit[along[0]] if len(along) == 1 else np.nan
        params = np.concatenate([[self.offset / length], unit])
        home = "sdesim.engine.events.exit_half_space_kernels"
        return Region(
            home,
            params,
            1,
            self._outside,
            unit[None],
            np.array([place]),
            np.inf,
            self.stop,
            self.monitoring,
            self.overshoot,
            True,
        )

    def excludes(self, starts: NDArray[np.float64]) -> Iterator[Problem]:
        """A half-space outside of which all starts lie."""
        if self._outside(starts).all():
            least = float((starts @ self.normal).min())
            yield ("offset",), f"found {self.offset:g}, allowed: at least that of the start, {least:g}"

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """A normal of another dimension."""
        if len(self.normal) != surface.dim:
            found = f"found {len(self.normal)} numbers"
            yield ("normal",), f"{found}, allowed: {surface.dim}, the surface's coordinates"
