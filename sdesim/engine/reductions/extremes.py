"""The smallest and the largest of the trajectories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.reductions.base import Array, Base, Every, ReductionKernel, Setting, Variable
from sdesim.kinds import kind


@kind("reductions", "extremes")
@dataclass(frozen=True)
class Extremes(Base):
    """The smallest and the largest value over trajectories of every coordinate, and so far.

    ``minimum(step, param)``, ``maximum``, and ``running_minimum``, ``running_maximum`` over all steps that
    were looked at until then. Trajectories count while they have not ended. Extremes have no interval: those
    of more trajectories lie further out.

    Args:
        every: at saved steps, or at every step, then along ``every_step``.
    """

    every: Every = "saved"

    def width(self, dim: int) -> int:
        """Both, of every coordinate."""
        return 2 * dim

    def blank(self, dim: int) -> Array:
        """∞ and −∞."""
        return np.repeat([np.inf, -np.inf], dim)

    def kernel(self) -> ReductionKernel:
        """The compiled side."""
        home = "sdesim.engine.reductions.counts_kernels"
        return ReductionKernel(home, "take_extremes", "merge_extremes", exact=True)

    def variables(self, setting: Setting) -> Mapping[str, Variable]:
        """Extremes at a step, and so far."""
        path, told = ("step", "param"), {"minimum": "smallest", "maximum": "largest"}
        found = {n: Variable(path, "parameter", f"{w} parameter over trajectories") for n, w in told.items()}
        return found | {
            f"running_{n}": Variable(path, "parameter", f"{w} parameter over trajectories so far")
            for n, w in told.items()
        }

    def results(self, settled: Array, setting: Setting) -> Mapping[str, NDArray[Any]]:
        """Of the rows (S, 2 d); NaN where no trajectory is left."""
        low, high = settled[:, : setting.dim], settled[:, setting.dim :]
        found = {
            "minimum": low,
            "maximum": high,
            "running_minimum": np.minimum.accumulate(low, axis=0),
            "running_maximum": np.maximum.accumulate(high, axis=0),
        }
        return {name: np.where(np.isinf(part), np.nan, part) for name, part in found.items()}
