"""First exit from where a function of one's own stays below a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.events.base import Base, Problem
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.kinds.spelling import short
from sdesim.surfaces.custom_surface import telling_line

if TYPE_CHECKING:
    from sdesim.engine.events.region import Region

_FIRST_ORDER = "the distance to a level is known to first order alone"


@dataclass(frozen=True, eq=False)
class ExitLevel(Base):
    """First exit from f(θ) ≤ value; made by `Exit.level`.

    The distance to the wall is (value − f)/|∇f|, ∇f by central differences: right to first order.

    Args:
        function: f: θ (d,) → float, which Numba compiles.
        value: of the level.
        stop: whether a trajectory stays where it left.
        monitoring: "continuous", or "discrete" for the first iterate outside.
        overshoot: False: walks on spheres need the distance itself.
    """

    function: Callable[..., Any]
    value: float
    stop: bool = True
    monitoring: Literal["continuous", "discrete"] = "continuous"
    overshoot: bool = False

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise Misfit("function", f"found {short(self.function)}, allowed: a function of θ (d,)")
        if not (isinstance(self.value, int | float | np.number) and np.isfinite(self.value)):
            raise Misfit("value", f"found {short(self.value)}, allowed: a finite number")
        if self.monitoring not in ("continuous", "discrete"):
            raise Misfit("monitoring", f"found {short(self.monitoring)}, allowed: 'continuous', 'discrete'")
        if self.overshoot is not False:
            raise Misfit("overshoot", f"found {short(self.overshoot)}, allowed: false: {_FIRST_ORDER}")

    @property
    def name(self) -> str:
        """A label, such as "energy above 2"."""
        return f"{getattr(self.function, '__name__', 'f')} above {self.value:g}"

    @property
    def watches(self) -> bool:
        """True."""
        return True

    @cached_property
    def functions(self) -> dict[str, Any]:
        """The compiled walls."""
        from sdesim.engine.events.exit_level_kernels import level_functions

        return level_functions(self.function)

    def _outside(self, theta: NDArray[np.float64]) -> NDArray[np.bool_]:
        value = self.functions["value"]
        return np.array([value(np.ascontiguousarray(point)) > self.value for point in theta])

    def region(self, dim: int) -> Region:
        """The region below the level."""
        from sdesim.engine.events.region import Region

        walls = {name: f for name, f in self.functions.items() if name != "value"}
        return Region(
            "", np.array([float(self.value)]), 1, self._outside, None, np.full(1, np.nan), np.inf, self.stop,
            self.monitoring, functions=walls,
        )  # fmt: skip

    def excludes(self, starts: NDArray[np.float64]) -> Iterator[Problem]:
        """A function that Numba can't compile or that gives no number, and a level below all starts."""
        from sdesim.compiled.first_call import PLACES, first_calls
        from sdesim.compiled.tuples import states_beside

        called = getattr(self.function, "__name__", "f")
        places = [(x,) for x in states_beside(np.array(starts[0], dtype=np.float64))[:PLACES]]
        try:
            found = float(first_calls(self.functions["value"], called, places))
        except SdesimError as error:
            yield ("function",), str(error)
            return
        except Exception as error:  # Numba's errors are of many classes.
            line = telling_line(error)
            yield ("function",), f"found one that Numba can't compile to θ (d,) → float: {line}"
            return
        if not np.isfinite(found):
            yield ("function",), f"found {found} at the start, allowed: a finite number"
        elif self._outside(starts).all():
            yield ("value",), f"found {self.value:g}, allowed: at least that of the start, {found:g}"
