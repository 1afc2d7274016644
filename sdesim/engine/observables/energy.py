"""The energy of the state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.engine.observables.base import Array, Base, Problem
from sdesim.kinds import kind


@kind("observables", "energy")
@dataclass(frozen=True)
class Energy(Base):
    """The loss L(θ) of a surface, as it is at that time; of an equation with an energy that, such as
    L(x) + ½|v|² of the underdamped one.

    Example:
        {kind: energy}
    """

    @property
    def own_units(self) -> str:
        """Those of the loss."""
        return "loss"

    @property
    def meaning(self) -> str:
        """In words."""
        return "energy of the state"

    def misfits(self, surface: Any, dim: int, starts: Array | None) -> Iterator[Problem]:
        """An equation that has none."""
        if surface is not None and not hasattr(surface, "energy") and not getattr(surface, "has_loss", True):
            yield (), "found an equation without an energy, allowed: a surface, or one that has an energy"

    def values(self, theta: Array, time: Array, surface: Any) -> Array:
        """E(θ) (n,)."""
        if hasattr(surface, "energy"):
            return np.asarray(surface.energy(theta))
        now = getattr(surface, "at", lambda t: surface)
        if now(0.0) is surface:
            return np.asarray(surface.loss(theta))
        out = np.empty(len(theta))
        for t in np.unique(time):
            rows = time == t
            out[rows] = now(float(t)).loss(theta[rows])
        return out
