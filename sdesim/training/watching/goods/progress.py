"""Measured progress: the loss of the same independent batches some steps ago and now.

ΔL̂ = L_B′(θ_{t+m}) − L_B′(θ_t), B′ independent of the steps between, is free of bias for the change that they
made, whatever the optimizer. Windows of m steps follow one another; over the last of them the change per step
is Σ ΔL̂/Σ m, of the steps that happened: their own noise stays in it. Dropout masks are the same at both ends.

From a loader B′ is drawn when a window opens, and its losses are kept. Where there is only the batch that
training is about to step on, that is B′, new to all steps before: the weights of the window's beginning are
kept (4 bytes a parameter), and both losses are read at its end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from torch import Tensor

from sdesim.estimate import Estimate
from sdesim.estimators.dynamics.progress import mean_change
from sdesim.training.watching.batches import Source
from sdesim.training.watching.goods.base import LEVEL, Sold, Visit, judged
from sdesim.training.watching.passes import Passes

Array = NDArray[np.float64]
# Batches of a window, windows that are averaged, and the fewest steps of one.
PAIRS, _WINDOWS, _LEAST, _KEPT = 4, 8, 16, 64
_NAMES = ("progress", "progress_heldout")


@dataclass(frozen=True, eq=False)
class _Open:
    """A window: the step at its beginning, batches with seeds and their losses then, or the weights then."""

    step: int
    batches: dict[str, list[tuple[Any, Any, int]]]
    before: dict[str, Array]
    weights: list[Tensor] | None


class Progress:
    """Sells `progress` and `progress_heldout`."""

    name, weight = "progress", 3.0

    def __init__(self) -> None:
        self._open: _Open | None = None
        # Of each window: steps, mean change and its standard error, of training and of held-out examples.
        self._rows: list[list[float]] = []

    def misses(self, train: Source, heldout: Source | None) -> str:
        return ""

    @property
    def holds(self) -> bool:
        return self._open is not None and self._open.weights is not None

    def ready(self, step: int) -> bool:
        if self._open is None:
            return True
        return step - self._open.step >= (_LEAST if self._open.weights is None else _KEPT)

    def work(self) -> float:
        # Forward passes alone, a third of a step each.
        return PAIRS * (1 if self._open is None else 2) / 3

    def forget(self) -> None:
        """Give up the window that is open."""
        self._open = None

    def buy(self, visit: Visit) -> Sold | None:
        """Close the window, where one is open, and open the next."""
        sold = None
        opened, self._open = self._open, None
        losses: dict[str, Array] = {}
        if opened is not None:
            sold, losses = self._close(opened, visit)
        if visit.train.anew:
            self._open, now = self._opened(visit)
            losses = losses or now
        elif opened is None or opened.weights is None:
            weights = [p.detach().clone() for p in visit.passes().parameters]
            self._open = _Open(visit.step, {}, {}, weights)
        facts = {
            told: float(losses[name].mean())
            for name, told in zip(_NAMES, ("loss", "validation_loss"), strict=True)
            if name in losses
        }
        return Sold(facts=facts) if sold is None and facts else sold

    def _opened(self, visit: Visit) -> tuple[_Open, dict[str, Array]]:
        batches, before = {}, {}
        for name, source in zip(_NAMES, (visit.train, visit.heldout), strict=True):
            if source is not None:
                drawn = source.draw(PAIRS, source.size, visit.rng)
                batches[name] = [(*b, s) for b, s in zip(drawn, visit.seeds(PAIRS), strict=True)]
                before[name] = _losses(_passes(visit, name, source), batches[name])
        return _Open(visit.step, batches, before, None), before

    def _close(self, opened: _Open, visit: Visit) -> tuple[Sold, dict[str, Array]]:
        changes, now = {}, {}
        for name, source in zip(_NAMES, (visit.train, visit.heldout), strict=True):
            if source is None:
                continue
            passes = _passes(visit, name, source)
            if opened.weights is None:
                batches = opened.batches[name]
                now[name] = _losses(passes, batches)
                changes[name] = now[name] - opened.before[name]
                continue
            held, count = opened.weights, min(PAIRS, source.size)
            drawn = source.draw(count, source.size, visit.rng)
            batches = [(*b, s) for b, s in zip(drawn, visit.seeds(count), strict=True)]
            now[name] = _losses(passes, batches)
            with passes.at(lambda k, _, held=held: held[k]):  # type: ignore[misc]
                changes[name] = now[name] - _losses(passes, batches)
        self._note(visit.step - opened.step, changes)
        made = self._estimates(opened.weights is not None)
        facts = {
            told: float(now[name].mean())
            for name, told in zip(_NAMES, ("loss", "validation_loss"), strict=True)
            if name in now
        }
        values: dict[str, float] = {}
        for name, e in made.items():
            values |= {name: e.value, f"{name}_error": float(e.details["error"])}
        if made:
            values["progress_count"] = float(made[_NAMES[0]].n + 1)
        return Sold(estimates=made, values=values, facts=facts), now

    def _note(self, steps: int, changes: dict[str, Array]) -> None:
        row = [float(steps)]
        for name in _NAMES:
            found = mean_change(changes[name]) if name in changes else None
            row += [math.nan] * 3 if found is None else [
                found.value, float(found.details["error"]), found.n - 1.0
            ]  # fmt: skip
        self._rows = [*self._rows, row][-_WINDOWS:]

    def _estimates(self, last: bool) -> dict[str, Estimate]:
        known = {}
        for k, name in enumerate(_NAMES):
            rows = np.array([[r[0], *r[1 + 3 * k : 4 + 3 * k]] for r in self._rows])
            if not math.isnan(rows[-1][3]):
                known[name] = rows[np.isfinite(rows).all(axis=1) & (rows[:, 3] > 0)]
        # A run keeps one number of pairs for both.
        free = min(map(freedom, known.values()), default=1)
        method = "unseen-batch" if last else "steps"
        return {name: judged(name, pooled(rows, free, method)) for name, rows in known.items()}

    def state(self) -> list[list[float]]:
        return [list(row) for row in self._rows]

    def restore(self, rows: Sequence[Sequence[float]]) -> None:
        self._rows, self._open = [list(row) for row in rows], None


def freedom(rows: Array) -> int:
    """Welch and Satterthwaite's degrees of freedom of a sum of windows, rounded down."""
    squares = rows[:, 2] ** 2
    if not squares.any():
        return max(1, int(rows[:, 3].sum()))
    return max(1, int(squares.sum() ** 2 / (squares**2 / rows[:, 3]).sum()))


def pooled(rows: Array, free: int, method: str) -> Estimate:
    """Change per step over windows, Σ ΔL̂/Σ m, with Student's interval of their standard errors.

    Args:
        rows: m, mean change, its standard error and degrees of freedom of each window (k, 4).
        free: degrees of freedom.
    """
    if not len(rows):
        nan = math.nan
        return Estimate(nan, nan, nan, LEVEL, method, 1, ("nonfinite", "no_interval"), {"error": nan})
    steps, change, error, _ = rows.T
    value, spread = float(change.sum() / steps.sum()), float(np.sqrt((error**2).sum()) / steps.sum())
    half = float(stdtrit(free, 0.5 + LEVEL / 2)) * spread
    details = {"error": spread, "steps": float(steps.sum())}
    return Estimate(value, value - half, value + half, LEVEL, method, free, (), details)


def _passes(visit: Visit, name: str, source: Source) -> Passes:
    return visit.passes() if name == _NAMES[0] else visit.held_out(source)


def _losses(passes: Passes, batches: Sequence[tuple[Any, Any, int]]) -> Array:
    with passes.open():
        found = np.array([passes.loss(x, y, seed) for x, y, seed in batches])
    return np.where(np.isfinite(found), found, np.nan)
