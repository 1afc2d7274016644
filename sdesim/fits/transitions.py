"""The transitions of series: from each known value to the next one, over the time between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Transitions:
    """Independent series of one process, without their missing values.

    Attributes:
        times: (n_k,) of each series, rising.
        values: (n_k,) of each.
        missing: how many NaN were left out; the step over a gap is as long as the gap.
        notes: flags of the data.
        unit: of time, in words; empty where it was given as a number.
    """

    times: tuple[Array, ...]
    values: tuple[Array, ...]
    missing: int = 0
    notes: tuple[str, ...] = ()
    unit: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def before(self) -> Array:
        """x₀ of each transition (n,)."""
        return np.concatenate([x[:-1] for x in self.values])

    @cached_property
    def after(self) -> Array:
        """x₁ (n,)."""
        return np.concatenate([x[1:] for x in self.values])

    @cached_property
    def dt(self) -> Array:
        """Time between them (n,); one number throughout where they differ by rounding only."""
        gaps = np.concatenate([np.diff(t) for t in self.times])
        middle = float(np.median(gaps))
        # Times k·dt differ by their rounding, not by what is meant.
        rounding = 8e-16 * max(abs(float(t[-1])) for t in self.times) + 1e-9 * middle
        count = np.maximum(np.rint(gaps / middle), 1.0)
        return np.where(np.abs(gaps - count * middle) <= rounding, count * middle, gaps)

    @cached_property
    def steps(self) -> tuple[Array, NDArray[np.intp]]:
        """The lengths that occur (q,), and which of them each transition has (n,)."""
        lengths, place = np.unique(self.dt, return_inverse=True)
        return lengths, place

    @property
    def regular(self) -> bool:
        """Whether all steps have one length."""
        return self.steps[0].size == 1

    @property
    def n(self) -> int:
        """How many transitions."""
        return int(self.dt.size)

    @cached_property
    def duration(self) -> float:
        """Time that is watched, over all series."""
        return float(self.dt.sum())

    @cached_property
    def size(self) -> float:
        """A length on which values differ: their standard deviation."""
        return float(np.concatenate(self.values).std())

    @cached_property
    def centre(self) -> float:
        """Mean of the x₀."""
        return float(self.before.mean())

    def replaced(self, values: Sequence[Array]) -> Transitions:
        """Other values at the same times."""
        return Transitions(self.times, tuple(values), self.missing, self.notes, self.unit)

    def simulated(self, model: Any, theta: Array, rng: np.random.Generator) -> Transitions:
        """A draw of the process at the same times, from the same first values."""
        longest = max(len(t) for t in self.times)
        alive = np.argsort([-len(t) for t in self.times], kind="stable")
        gaps = np.full((longest - 1, alive.size), np.nan)
        at = 0
        for k, t in enumerate(self.times):
            gaps[: len(t) - 1, k] = self.dt[at : at + len(t) - 1]
            at += len(t) - 1
        gaps = gaps[:, alive]
        counts = np.isfinite(gaps).sum(axis=1)
        found = np.full((longest, alive.size), np.nan)
        found[0] = [self.values[k][0] for k in alive]
        for j, m in enumerate(counts):
            found[j + 1, :m] = model.draw(theta, found[j, :m], gaps[j, :m], rng)
        paths: list[Array] = [np.zeros(0)] * alive.size
        for column, k in enumerate(alive):
            paths[k] = found[: len(self.times[k]), column]
        return self.replaced(paths)
