"""The state along a direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from sdesim.engine.observables.base import Array, Base, Problem, summed
from sdesim.kinds import Numbers, kind


@kind("observables", "linear")
@dataclass(frozen=True, eq=False)
class Linear(Base):
    """A weighted sum of the coordinates, w·θ, such as their mean or the difference of two.

    Args:
        weights: w, one number for each coordinate.

    Example:
        {kind: linear, weights: [1.0, -1.0], long_name: difference of the two}
    """

    weights: Annotated[Any, Numbers(1)]

    @property
    def own_units(self) -> str:
        """Those of a parameter."""
        return "parameter"

    @property
    def meaning(self) -> str:
        """In words."""
        return "weighted sum of the state's coordinates"

    def misfits(self, surface: Any, dim: int, starts: Array | None) -> Iterator[Problem]:
        """Weights of another dimension."""
        if len(self.weights) != dim:
            yield ("weights",), f"found {len(self.weights)} numbers, allowed: {dim}"

    def values(self, theta: Array, time: Array, surface: Any) -> Array:
        """w·θ (n,)."""
        return summed(lambda k: self.weights[k] * theta[:, k], theta.shape[1])
