"""Accuracies and test losses of the model that θ stands for, at saved points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from sdesim.kinds.numbers import Array
from sdesim.surfaces.base import Evaluation


@dataclass(frozen=True)
class Evaluated:
    """Numbers that are worked out at each point for itself.

    Attributes:
        functions: schema name → function θ (d,) → float.
    """

    functions: Mapping[str, Callable[[Array], float]] = field(default_factory=dict)

    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        return {name: np.array([f(t) for t in theta]) for name, f in self.functions.items()}


@dataclass(frozen=True)
class Embedded:
    """The numbers of a model of which only some coordinates are trained.

    Attributes:
        inner: what reads them off all coordinates.
        embed: trained coordinates (k, d) → all of them (k, D).
    """

    inner: Evaluation
    embed: Callable[[Array], Array]

    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        return self.inner.values(self.embed(theta))
