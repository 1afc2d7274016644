"""Saved points on their way from the kernel to the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.observables.base import observed
from sdesim.engine.plan import Plan
from sdesim.runs import RunWriter

Array = NDArray[np.float64]
_NAMES = ("theta", "theta_projection", "weight_norm", "loss")


class Evaluation(Protocol):
    """Extra values at saved points, such as the accuracy of the network that θ stands for."""

    def values(self, theta: Array) -> Mapping[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        ...


class SavedPoints:
    """Where the kernel puts saved points: the run's own arrays in memory, else a buffer for one chunk.

    A stored chunk is written once, when it is full: writing a part of it means reading the rest again.

    Args:
        plan: what is simulated.
        writer: the run.
        evaluate: extra values at saved points.
        first: index of the first point that is still to come.
    """

    def __init__(self, plan: Plan, writer: RunWriter, evaluate: Evaluation | None, first: int) -> None:
        self._plan = plan
        self._writer = writer
        self._evaluate = evaluate
        self._direct = writer.out is None and evaluate is None and not plan.observables
        self._written = self._filled = first
        count, chunk = plan.trajectories, writer.step_chunk
        nothing = np.empty((count, 0))
        keeps_theta = plan.save_theta or evaluate is not None or bool(plan.observables)
        self._outputs: tuple[Array, ...]
        if self._direct:
            self._outputs = (
                writer.array("theta") if plan.save_theta else np.empty((count, 0, plan.dim)),
                writer.array("theta_projection") if plan.save_projection else np.empty((count, chunk, 0)),
                writer.array("weight_norm") if plan.save_norm else nothing,
                writer.array("loss") if plan.save_loss else nothing,
            )
        else:
            kept = chunk if keeps_theta else 0
            self._outputs = _side_by_side(
                (count, kept, plan.dim),
                (count, chunk, len(plan.saved_directions)),
                (count, chunk if plan.save_norm else 0),
                (count, chunk if plan.save_loss else 0),
            )

    @property
    def kept(self) -> bool:
        """Whether anything of a point is."""
        return any(array.size for array in self._outputs)

    def room(self, last: int) -> tuple[tuple[Array, ...], int]:
        """(outputs, column) for the points up to index ``last``, which lie in one chunk."""
        column = self._filled
        self._filled = last
        return self._outputs, column if self._direct else column % self._writer.step_chunk

    def flush(self, whole: bool) -> None:
        """Write what waits; with ``whole``, only a chunk that is full or the run's last."""
        chunk, total = self._writer.step_chunk, len(self._plan.saved)
        full = self._filled % chunk == 0 or self._filled == total
        if self._filled == self._written or self._direct or (whole and not full):
            return
        start = self._written % chunk
        part = slice(start, start + self._filled - self._written)
        where = slice(self._written, self._filled)
        theta = self._outputs[0]
        plan = self._plan
        kept = (plan.save_theta, plan.save_projection, plan.save_norm, plan.save_loss)
        values = {n: o[:, part] for n, o, k in zip(_NAMES, self._outputs, kept, strict=True) if k}
        if self._evaluate is not None:
            values |= _evaluated(self._evaluate, theta[:, part])
        if plan.observables:
            times = plan.times(plan.saved[where])
            values |= dict(observed(plan.observables, plan.surface, theta[:, part], times))
        for name, array in values.items():
            self._writer.write(name, array, step=where)
        self._written = self._filled


def _side_by_side(*shapes: tuple[int, ...]) -> tuple[Array, ...]:
    """Empty arrays of these shapes in one piece of memory, of which more lies in large pages than of many."""
    ends = np.cumsum([math.prod(shape) for shape in shapes])
    parts = np.split(np.empty(ends[-1]), ends[:-1])
    return tuple(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))


def _evaluated(evaluate: Evaluation, theta: Array) -> dict[str, Array]:
    """Extra values (K, S) at points (K, S, d)."""
    found = evaluate.values(theta.reshape(-1, theta.shape[-1]))
    return {key: np.asarray(v).reshape(theta.shape[:2]) for key, v in found.items()}
