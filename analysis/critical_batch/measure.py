"""The measured critical batch: steps to a target at each batch size and its own tuned rate, and the fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Array = NDArray[np.float64]
# The targets are what noiseless training reaches in so many steps at its best rate: far and near ones.
FAR, NEAR = (8, 32), (2, 4)
# Rates of a grid lie half an octave apart.
OCTAVES = np.arange(-2.5, 1.01, 0.5)
WIDE = np.arange(-4.0, 9.01, 0.5)
# A batch is small enough when it takes so many times the steps of the noiseless training.
ENOUGH = 10.0
_CAP, _SHIFT, _TRIES = 40, 2.0, 2


class Runs(Protocol):
    """Branched trainings of R rates × all seeds."""

    def advance(self, steps: int) -> None:
        """So many steps."""

    def losses(self) -> Array:
        """Loss of either half of the replicates, (2, R, seeds)."""


Start = Callable[[int | None, Array], Runs]


@dataclass(frozen=True)
class Steps:
    """Steps to each target at one batch size, (H, seeds), NaN where not reached; the rates (H, seeds) that
    were chosen; whether any stands at the end of the grid, (H, seeds); and the loss along the way at the last
    target's rate: steps (k,), share of the way to it that is left (k, seeds)."""

    batch: int | None
    steps: Array
    rates: Array
    edge: NDArray[np.bool_]
    times: Array
    left: Array


def evaluation_times(last: int) -> list[int]:
    """Steps after which losses are looked at: each of the first 24, then 8% apart."""
    times = list(range(1, 25))
    while times[-1] < last:
        times.append(max(times[-1] + 1, round(1.08 * times[-1])))
    return times


def crossing(times: Array, losses: Array, target: Array) -> Array:
    """First time at which losses (k, …) fall to the target (…,), on a line between times; NaN if never."""
    below = losses <= target
    reached, at = below.any(axis=0), np.maximum(below.argmax(axis=0), 1)
    after = np.take_along_axis(losses, at[None], axis=0)[0]
    before = np.take_along_axis(losses, at[None] - 1, axis=0)[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(np.isfinite(before), (before - target) / (before - after), 1.0)
    return np.where(reached, times[at - 1] + share * (times[at] - times[at - 1]), np.nan)


def noiseless(start: Start, centre: Array, first: Array, horizons: tuple[int, ...]) -> tuple[Array, Array]:
    """Lowest loss (H, seeds) after so many noiseless steps over a wide grid, and its rate; NaN where no rate
    within the grid is best and lowers the loss, as momentum may carry on whatever the rate."""
    rates = centre * 2.0 ** WIDE[:, None]
    runs, done, best, chosen = start(None, rates), 0, [], []
    for horizon in horizons:
        runs.advance(horizon - done)
        done, found = horizon, runs.losses()[0]
        at = found.argmin(axis=0)
        best.append(found.min(axis=0))
        chosen.append(np.take_along_axis(rates, at[None], axis=0)[0])
    made = np.array(best)
    inner = (np.array(chosen) > rates.min(axis=0)) & (np.array(chosen) < rates.max(axis=0))
    known = (made < first) & inner
    return np.where(known, made, np.nan), np.where(known, np.array(chosen), np.nan)


def steps_at(start: Start, batch: int, centre: Array, first: Array, targets: Array, last: int) -> Steps:
    """Steps to the targets at this batch size, the rate chosen by one half of the replicates and judged by
    the other, both ways.

    Args:
        centre: (seeds,), where the grids of rates are laid. first: loss of the checkpoint, (seeds,).
        targets: (H, seeds). last: steps of noiseless training to the last of them.
    """
    for attempt in range(_TRIES + 1):
        found = _once(start, batch, centre, first, targets, last)
        low, high = centre * 2.0 ** OCTAVES[0], centre * 2.0 ** OCTAVES[-1]
        best = found.rates[-1]
        # Half a grid step, as cross-fitted rates are means of two.
        down, up = best < low * 2**0.2, best > high * 2**-0.2
        if attempt == _TRIES or not (down | up).any():
            break
        centre = centre * 2.0 ** (_SHIFT * (up.astype(float) - down.astype(float)))
    return found


def _once(start: Start, batch: int, centre: Array, first: Array, targets: Array, last: int) -> Steps:
    rates = centre * 2.0 ** OCTAVES[:, None]
    runs = start(batch, rates)
    times, seen = [0.0], [np.broadcast_to(first, (2, *rates.shape))]
    for time in evaluation_times(_CAP * last):
        runs.advance(int(time - times[-1]))
        times.append(float(time))
        seen.append(runs.losses())
        if time >= last and _settled(np.array(times), np.array(seen), targets[-1]):
            break
    t, losses = np.array(times), np.array(seen)
    steps, chosen, edge = [], [], []
    for target in targets:
        reached = crossing(t, losses, target)
        best = _best(reached)
        other = np.take_along_axis(reached[::-1], best[:, None], axis=1)[:, 0]
        steps.append(other.mean(axis=0))
        at = np.take_along_axis(np.broadcast_to(rates, reached.shape), best[:, None], axis=1)[:, 0]
        chosen.append(np.sqrt(at[0] * at[1]))
        edge.append(((best == 0) | (best == len(rates) - 1)).any(axis=0))
    path = np.take_along_axis(losses[:, ::-1], best[None, :, None], axis=2)[:, :, 0].mean(axis=1)
    left = (path - targets[-1]) / (first - targets[-1])
    return Steps(batch, np.array(steps), np.array(chosen), np.array(edge), t, left)


def _best(reached: Array) -> NDArray[np.intp]:
    """The rate of the fewest steps for either half, (2, seeds)."""
    return np.asarray(np.where(np.isnan(reached), np.inf, reached).argmin(axis=1))


def _settled(times: Array, losses: Array, target: Array) -> bool:
    """Whether each half has reached the target at the rate that the other half chooses."""
    reached = crossing(times, losses, target)
    other = np.take_along_axis(reached[::-1], _best(reached)[:, None], axis=1)
    return bool(np.isfinite(reached).any(axis=1).all() and np.isfinite(other).all())


def ladder(
    start: Start, centre: Array, first: Array, top: int, horizons: tuple[int, ...],
    say: Callable[[str], Any] = lambda _: None,
) -> tuple[Array, Array, list[Steps]]:  # fmt: skip
    """Targets (H, seeds), the noiseless rates, and Steps from the top batch down to where it takes ENOUGH;
    none where a target is not known."""
    targets, rates = noiseless(start, centre, first, horizons)
    found, batch, at = [], top, rates[-1]
    while batch >= 1 and np.isfinite(targets).all():
        one = steps_at(start, batch, at, first, targets, horizons[-1])
        found.append(one)
        say(f"B {batch}: steps {np.round(one.steps[-1], 1)}, edges {int(one.edge.sum())}")
        slow = one.steps[-1] / horizons[-1]
        if not np.isfinite(slow).all() or np.median(slow) > ENOUGH:
            break
        batch, at = batch // 2, one.rates[-1]
    return targets, rates, found


@dataclass(frozen=True)
class Fit:
    """S(B) = S_min(1 + B_crit/B): S_min, B_crit, root-mean-square residual of log S, and the knee: the batch
    at which doubling it saves a quarter of the steps, as it does at B_crit under that law. NaN where not
    resolved."""

    s_min: float
    critical: float
    residual: float
    knee: float


UNRESOLVED = Fit(np.nan, np.nan, np.nan, np.nan)
# Least span of S within which a bend can be told, and the largest residual of a fit that is believed.
SPAN, MISFIT = 2.0, 0.25


def fit(batches: Array, steps: Array, s_noiseless: float) -> Fit:
    """The law's two numbers by least squares on log S, the noiseless training as one of the points.

    Args:
        batches, steps: (k,), falling batches; NaN steps are left out. s_noiseless: steps at B = ∞.
    """
    known = np.isfinite(steps)
    b, s = batches[known], steps[known]
    if known.sum() < 3 or s.max() / s_noiseless < SPAN:
        return UNRESOLVED
    inverse, logs = np.append(1 / b, 0.0), np.log(np.append(s, s_noiseless))

    def off(p: Array) -> Array:
        return np.asarray(p[0] + np.log1p(np.exp(p[1]) * inverse) - logs)

    found = least_squares(off, np.array([np.log(s_noiseless), np.log(np.median(b))]))
    residual = float(np.sqrt(np.mean(found.fun**2)))
    critical = float(np.exp(found.x[1])) if residual <= MISFIT else np.nan
    return Fit(float(np.exp(found.x[0])), critical, residual, knee(b, s))


def knee(batches: Array, steps: Array) -> float:
    """B at which S(B)/S(2B) = 4/3, on a line in log B between ratios of neighbours; NaN if not crossed."""
    order = np.argsort(batches)
    b, s = np.log2(batches[order]), np.log(steps[order])
    if len(b) < 3 or not np.allclose(np.diff(b), 1.0):
        return float("nan")
    excess = s[:-1] - s[1:] - np.log(4 / 3)
    # The last change from paying to not paying; noise may make more than one.
    at = np.flatnonzero((excess[:-1] > 0) & (excess[1:] <= 0))
    if not len(at):
        return float("nan")
    k = at[-1]
    return float(2 ** (b[k] + excess[k] / (excess[k] - excess[k + 1])))
