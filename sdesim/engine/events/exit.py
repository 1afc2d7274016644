"""First exit of one coordinate from an interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

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

    A path that is watched at its steps alone is seen late: Brownian motion with D = 1 leaves (−1, 1) after
    0.589 at dt = 0.01 in place of 0.5. Continuous monitoring asks what lies between two steps. With Gaussian
    noise that is a Brownian bridge (drift and diffusion as at the start of the step), which crosses a wall
    with a known probability at a time that is drawn; uniforms of their own decide, so that the path keeps its
    bits. With stable noise, alone or with Gaussian, the walls are moved in by the δ by which the walk is
    late (`wall_shift`, σ at the wall), which costs nothing and makes times and rates right; some
    ``exit_state`` then lie between moved and true wall. Without noise, or with a velocity, the path is taken
    for straight; maps such as SGD are watched at their steps. ``attrs["exit_method"]`` says what was done
    ("bridge", "moved-walls", "interpolated", "discrete", "walk-on-spheres"), ``attrs["exit_shift"]`` holds δ
    (JSON), and ``attrs["exit_flags"]`` `exit_coarse` where a step is not small against the distance of the
    walls, or `exit_discrete` where nothing was known (α ≤ 1, minibatches) and exits are seen late.

    With ``overshoot=True`` the states have the law of those behind the true wall, for symmetric stable noise
    with 1 < α < 2: isotropic alone, or independent where all walls are of one coordinate, then also beside
    independent Gaussian noise, which may creep over the wall. Within some 16 step
    scales of a wall exits from balls about the path, whose law is known, take the place of its steps, each
    for its mean time (walk on spheres); farther away jumps of more than half the distance come at times of
    their own. Mean times are right too; one time is known to about a step (`exit_coarse` where a step's scale
    is more than half the distance of the walls). Such a path is another one than without. All else is refused
    with the reason: skewed, tempered and other jumps, multiplicative and correlated noise, Gaussian beside
    isotropic noise, walls across several independent coordinates, levels, implicit schemes, float32, a
    boundary.

    ``exit_time`` is NaN and ``exit_censored`` set where the trajectory never leaves;
    `sdesim.exit_statistics` reads such times. ``exit_state`` is θ then, ``exit_wall`` 0 for lower, 1 for
    upper.

    Args:
        lower: lower bound; None (or −inf) for none.
        upper: upper bound; None (or inf) for none.
        coordinate: which coordinate of θ.
        stop: whether a trajectory stays where it left.
        monitoring: "continuous", or "discrete" for the first iterate outside.
        overshoot: whether ``exit_state`` must have the law of the state behind the wall.

    Source: M. Broadie, P. Glasserman & S. Kou, Math. Finance 7 (1997) 325 (moved walls); E. Gobet, Stochastic
    Process. Appl. 87 (2000) 167 (the bridge); A. Kyprianou, A. Osojnik & T. Shardlow, IMA J. Numer. Anal. 38
    (2018) 1550 (walks on spheres).

    Example:
        {kind: exit, upper: 0}
    """

    lower: Annotated[float | None, _Open(-math.inf)] = None
    upper: Annotated[float | None, _Open(math.inf)] = None
    coordinate: Annotated[int, Ge(0)] = 0
    stop: bool = True
    monitoring: Literal["continuous", "discrete"] = "continuous"
    overshoot: bool = False

    def __post_init__(self) -> None:
        if self.lower is None and self.upper is None:
            raise Misfit("upper", "missing, give lower, upper or both")
        bounds = self.bounds
        if not bounds.lower < bounds.upper:
            raise Misfit("upper", f"found {bounds.upper:g}, allowed: above lower, {bounds.lower:g}")

    @staticmethod
    def ball(center: Any, radius: float, **options: Any) -> Base:
        """First exit from a ball: `ExitBall`."""
        from sdesim.engine.events.exit_ball import ExitBall

        return ExitBall(radius, center, **options)

    @staticmethod
    def box(lower: Any, upper: Any, **options: Any) -> Base:
        """First exit from a box: `ExitBox`."""
        from sdesim.engine.events.exit_box import ExitBox

        return ExitBox(lower, upper, **options)

    @staticmethod
    def half_space(normal: Any, offset: float, **options: Any) -> Base:
        """First exit from normal·θ ≤ offset: `ExitHalfSpace`."""
        from sdesim.engine.events.exit_half_space import ExitHalfSpace

        return ExitHalfSpace(normal, offset, **options)

    @staticmethod
    def level(f: Any, value: float, **options: Any) -> Base:
        """First exit from f(θ) ≤ value, f a function that Numba compiles: `ExitLevel`."""
        from sdesim.engine.events.exit_level import ExitLevel

        return ExitLevel(f, value, **options)

    @property
    def bounds(self) -> Bounds:
        """The interval itself."""
        lower = -math.inf if self.lower is None else self.lower
        upper = math.inf if self.upper is None else self.upper
        return Bounds(lower, upper, self.coordinate, self.stop, self.monitoring, self.overshoot)

    @property
    def name(self) -> str:
        """A label, such as "x0 outside [-inf, 0]"."""
        return f"x{self.coordinate} outside [{self.bounds.lower:g}, {self.bounds.upper:g}]"

    def misfits(self, surface: Surface) -> Iterator[Problem]:
        """A coordinate that the surface does not have."""
        if self.coordinate >= surface.dim:
            message = f"found {self.coordinate}, allowed: 0 to {surface.dim - 1}, the surface's coordinates"
            yield ("coordinate",), message
