"""Surfaces one after another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.kinds import Misfit, OneOf, kind
from sdesim.kinds.numbers import Array, number
from sdesim.schedules.piecewise import switches
from sdesim.surfaces.base import Base, SurfaceKernel
from sdesim.surfaces.timed import Text, steady

_ARGUMENTS = {"loss": "x", "grad": "x", "hvp": "x, v"}


@kind("surfaces", "curriculum")
@dataclass(frozen=True)
class Curriculum(Base):
    """surfaces[0] until times[0], then surfaces[k] from times[k − 1] on: tasks one after another.

    In Python `loss` and `grad` are those at t = 0, and ``at(time)`` is the surface of another moment.

    Args:
        times: when the surface changes, each later than the one before; put them on multiples of dt.
        surfaces: one more than times, of one dimension.

    Raises:
        Misfit: the times don't grow, there is not one surface more, or their dimensions differ.

    Example:
        kind: curriculum
        times: [5.0]
        surfaces: [{kind: quadratic, eigenvalues: [1.0, 2.0]}, {kind: styblinski, dim: 2}]
    """

    times: tuple[float, ...]
    surfaces: tuple[Annotated[Any, OneOf("surfaces", take=("dim", "start", "grad", "kernel"))], ...]

    def __post_init__(self) -> None:
        switches(self.times, len(self.surfaces), "surfaces")
        for k, surface in enumerate(self.surfaces):
            if surface.dim != self.dim:
                raise Misfit(
                    ("surfaces", k), f"found dim {surface.dim}, allowed: {self.dim}, that of the first"
                )

    @property
    def dim(self) -> int:
        """That of every surface."""
        return int(self.surfaces[0].dim)

    @property
    def start(self) -> Array:
        """That of the first surface."""
        return np.array(self.surfaces[0].start)

    def at(self, time: float) -> Any:
        """The surface of a moment."""
        known = switches(self.times, len(self.surfaces), "surfaces")
        return self.surfaces[int(np.searchsorted(known, number(time, "time"), side="right"))]

    def loss(self, theta: ArrayLike) -> Array:
        """That at t = 0: (…, d) → (…)."""
        return np.asarray(self.at(0.0).loss(theta))

    def grad(self, theta: ArrayLike) -> Array:
        """That at t = 0: (…, d) → (…, d)."""
        return np.asarray(self.at(0.0).grad(theta))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """That at t = 0: (…, d), (…, d) → (…, d)."""
        return np.asarray(self.at(0.0).hvp(theta, v))

    def minima(self) -> Array:
        """Those at t = 0."""
        return np.asarray(self.at(0.0).minima())

    def kernel(self) -> SurfaceKernel:
        """The compiled side: each surface's functions in its time."""
        return self._kernel

    @cached_property
    def _kernel(self) -> SurfaceKernel:
        known = np.asarray(switches(self.times, len(self.surfaces), "surfaces"), dtype=np.float64)
        kernels: list[SurfaceKernel] = [steady(s.kernel(), "curriculum") for s in self.surfaces]
        text = Text(numbers=[known])
        offered = [text.base(f"base_{k}", kernel) for k, kernel in enumerate(kernels)]
        roles = [role for role in _ARGUMENTS if all(role in found for found in offered)]
        inside = [_arrays(text, kernel) for kernel in kernels]
        for role in roles:
            given = _ARGUMENTS[role]
            text.body += (
                f"\n\n@compiled\ndef {role}({given}, params, data0, data1, out):\n    t = params[0]\n"
            )
            for k, places in enumerate(inside):
                last = k == len(kernels) - 1
                text.body += "" if last else f"    if t < params[{1 + k}]:\n"
                pad = "    " if last else "        "
                text.body += f"{pad}base_{k}_{role}({given}, {places}, out)\n"
                text.body += "" if last else "        return\n"
        return text.kernel(SurfaceKernel("", "", "", known), roles, np.zeros(0))


def _arrays(text: Text, kernel: SurfaceKernel) -> str:
    """Put a surface's arrays among the params; returns how they are found there."""
    found = []
    for array in (kernel.params, kernel.data0, kernel.data1):
        begin = text.size
        text.numbers.append(np.asarray(array, dtype=np.float64).reshape(-1))
        place = f"params[{begin}:{text.size}]"
        found.append(place if array.ndim == 1 else f"{place}.reshape({array.shape[0]}, {array.shape[1]})")
    return ", ".join(found)
