"""The tangent vector of the probed trajectories, for the largest Lyapunov exponent."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.ensemble import Ensemble
from sdesim.engine.plan import Plan

Array = NDArray[np.float64]
_PREFIX = "tangent_"


class Tangents:
    """The probed trajectories walked once more, each with a tangent vector beside it.

    A trajectory is a function of the seed and its number, so this walk meets the same states as the
    ensemble's, which goes on as if there were no tangents. All vectors start along the first of the fixed
    directions.

    Args:
        plan: what is simulated.
        threads: how many threads share the trajectories.
        lanes: width of the blocks, or None for what suits the surface.
    """

    def __init__(self, plan: Plan, threads: int, lanes: int | None = None) -> None:
        count, dim = plan.probed, plan.dim
        followed = replace(
            plan, theta0=plan.theta0[:count], saved=plan.saved[:0], save_theta=False, save_projection=False,
            exits=(), occupancy=False, probes=None, probe_steps=plan.probe_steps[:0],
            reductions=(),
        )  # fmt: skip
        self._ensemble = Ensemble(followed, threads, lanes, tangent=True)
        self._first = dim if plan.scheme.velocity else 0
        self._start = plan.directions[0]
        # Nothing is saved on this walk.
        self._outputs = (np.empty((count, 0, dim)), np.empty((count, 0, 0)), *np.empty((2, count, 0)))
        self._none = np.zeros(0, dtype=np.int64)
        for k in range(count):
            self._reset(k)

    def _column(self, trajectory: int) -> Array:
        """Tangent and count of one trajectory, a view."""
        block, lane = divmod(trajectory, self._ensemble.lanes)
        column: Array = self._ensemble.state["v"][block, self._first :, lane]
        return column

    def _reset(self, trajectory: int) -> None:
        column = self._column(trajectory)
        column[:] = 0.0
        column[: self._start.size] = self._start

    def advance(self, start: int, end: int) -> None:
        """Step from ``start`` to ``end``."""
        if end > start:
            self._ensemble.advance(start, end, self._none, self._outputs, 0)

    def theta(self, trajectory: int) -> Array:
        """The state (d,) of one trajectory."""
        return self._ensemble.theta(trajectory)

    def growth(self, trajectory: int) -> float:
        """Log growth of the vector since it was last read (or the start), and its length back to 1.

        −∞ where it vanished; it then starts anew.
        """
        column = self._column(trajectory)
        vector, power = column[:-1], float(column[-1])
        length = float(np.sqrt(np.add.reduce(vector * vector)))
        if length == 0.0:
            self._reset(trajectory)
            return -math.inf
        vector /= length
        column[-1] = 0.0
        return math.log(length) + power * math.log(2.0)

    def portable(self) -> dict[str, NDArray[Any]]:
        """The state by names that are not those of the ensemble's."""
        return {_PREFIX + name: array for name, array in self._ensemble.portable().items()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take over what `portable` gave; other names are left."""
        self._ensemble.restore(
            {n.removeprefix(_PREFIX): array for n, array in state.items() if n.startswith(_PREFIX)}
        )
