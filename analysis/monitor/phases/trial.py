"""Readings of known moving truths, and what is said of each newest one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.estimators.consolidation.contributions import contribution_moments
from sdesim.estimators.consolidation.window_ratio import fieller
from sdesim.estimators.dynamics.recent import Series, recent_ratios
from sdesim.estimators.dynamics.successive import Steps, successive_windows

Array = NDArray[np.float64]
LEVEL, WINDOW, READINGS, PARTS = 0.95, 64, 160, 8
# Places of the newest reading.
ENDS = (16, 40, 64, 100, 130, 160)
# Factor of C along the readings, x from 0 to 1.
TRUTHS: dict[str, Callable[[Array], Array]] = {
    "constant": lambda x: np.ones(x.shape),
    "line, 3 to 1": lambda x: 3 - 2 * x,
    "falls, 2 to 1": lambda x: 2 ** (1 - x),
    "falls, 30 to 1": lambda x: 30 ** (1 - x),
    "rises, 1 to 10": lambda x: 10**x,
    "jump, 3 to 1": lambda x: np.where(x < 0.5, 3.0, 1.0),
    "wave": lambda x: 1 + 0.5 * np.sin(12 * x),
    "fast wave": lambda x: 1 + 0.5 * np.sin(60 * x),
}


# From far away, so that the loss falls.
DESCENT = "descent"


@dataclass(frozen=True)
class Covered:
    """Of trials: share of intervals that hold the truth, and median width; of fixed windows beside it."""

    recent: float
    width: float
    fixed: float
    fixed_width: float


def truth_of(name: str, c: float) -> tuple[Array, Array]:
    """C and Tr Σ along the readings; where C falls or rises by much, the noise falls with it."""
    x = np.linspace(0.0, 1.0, READINGS)
    factor = TRUTHS[name](x)
    return c * factor, np.sqrt(factor) if name.startswith(("falls", "rises")) else np.ones(READINGS)


def window_coverage(name: str, c: float, dim: int, trials: int, seed: int) -> Covered:
    """C of readings of gradients of 8 parts each, their noise white in ``dim`` dimensions."""
    rng = np.random.default_rng(seed)
    ratio, trace = truth_of(name, c)
    signal, noise = _readings(ratio, trace, dim, trials, rng)
    held, width, fixed, fixed_width = [], [], [], []
    for end in ENDS:
        some = slice(max(0, end - WINDOW), end)
        series = [Series(m[some], t[some], t[some]) for m, t in zip(signal, noise, strict=True)]
        for found in recent_ratios(series, LEVEL, positive=True):
            held.append(found.low <= ratio[end - 1] <= found.high)
            width.append(found.high - found.low)
        for m, t in zip(signal, noise, strict=True):
            plain = fieller(m[some], t[some], LEVEL, "")
            fixed.append(plain.low <= ratio[end - 1] <= plain.high)
            fixed_width.append(plain.high - plain.low)
    return Covered(
        float(np.mean(held)),
        float(np.nanmedian(width)),
        float(np.mean(fixed)),
        float(np.nanmedian(fixed_width)),
    )


def _readings(
    ratio: Array, trace: Array, dim: int, trials: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """M and T (trials, n) of gradients of `PARTS` parts."""
    shape = (trials, len(ratio))
    mean = np.sqrt(ratio * trace)
    # Of the parts' deviations only their mean, along the mean and across, and the squares about it count.
    unit = np.sqrt(trace / dim)
    along = unit * rng.standard_normal(shape)
    across = unit**2 * rng.chisquare(dim - 1, shape)
    about = unit**2 * PARTS * rng.chisquare(dim * (PARTS - 1), shape)
    whole = (mean + along) ** 2 + across
    # Σ|c_j|² = |g|²/k + Σ|c_j − g/k|².
    found = contribution_moments(whole, whole / PARTS + about / PARTS**2, np.full(shape, 1 / PARTS))
    return found.signal, found.noise


@dataclass(frozen=True)
class Told:
    """Of trials of SGD on a quadratic: share of intervals of the drift and of C* that hold the truth, phases
    that are told and those told wrongly."""

    drift: float
    star: float
    told: float
    wrong: float


def phase_coverage(name: str, momentum: float, trials: int, seed: int, every: int = 25) -> Told:
    """Drift, C* and phase of SGD on a quadratic of 20 coordinates, of 160 pairs ``every`` 25 steps apart.

    The truth is the mean over the trials at the newest pair; the noise moves as the truths of C do.
    """
    rng = np.random.default_rng(seed)
    curvature, rate, gain = np.geomspace(0.003, 1.0, 20), 0.1, 0.1 / (1 - momentum)
    # The noise of the steps moves; the state follows.
    descends = name == DESCENT
    strength = np.sqrt(TRUTHS["constant" if descends else name](np.linspace(0, 1, READINGS * every + 1)))
    theta = np.full((trials, 20), 30.0 if descends else 2.0)
    held = np.zeros_like(theta)
    rows = []
    mean = theta * curvature
    gradient = mean + strength[0] * rng.standard_normal(theta.shape)
    for step in range(READINGS * every):
        held = momentum * held + gradient
        u = -rate * held
        theta = theta + u
        later = theta * curvature
        following = later + strength[step + 1] * rng.standard_normal(theta.shape)
        if step % every == 0:
            trace = np.full(trials, 20 * strength[step] ** 2)
            before = (u * gradient).sum(axis=1) + rate * trace
            change = 0.5 * (u * (mean + later)).sum(axis=1)
            rows.append(((mean**2).sum(axis=1), trace, before, (u * following).sum(axis=1), change))
        gradient, mean = following, later
    signal, trace, before, after, change = (np.array(x) for x in zip(*rows, strict=True))
    # M and T as read: with errors of their own, which before has too.
    blur = trace * rng.standard_normal(trace.shape) * 0.2
    m, t, before = signal - blur, trace + blur, before + rate * blur
    drift, star, told, wrong = [], [], [], []
    for end in ENDS[1:]:
        truth = float(change[end - 1].mean()) / rate
        ratio = float(signal[end - 1].mean() / trace[end - 1].mean())
        bar = ratio + truth * rate / (gain * float(trace[end - 1].mean()))
        windows = [
            Steps(m[:end, k], t[:end, k], before[:end, k], after[:end, k], rate, gain) for k in range(trials)
        ]
        for found in successive_windows(windows, LEVEL):
            drift.append(found.drift.low <= truth <= found.drift.high)
            assert found.c_star is not None
            star.append(found.c_star.low <= bar <= found.c_star.high)
            told.append(found.phase != "transition")
            wrong.append(found.phase == ("generalization" if truth > 0 else "exploration"))
    return Told(*(float(np.mean(x)) for x in (drift, star, told, wrong)))
