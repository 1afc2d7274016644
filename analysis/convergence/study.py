"""Errors of coupled paths by batch, and the orders fitted to them with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from analysis.convergence.problems import Problem
from sdesim.engine.schemes import SCHEMES

Array = NDArray[np.float64]
# A level whose error is not this many standard errors above 0 does not enter a fit.
SIGNAL = 4.0
# What the curvature of an error at finite dt may take from a slope, and its share in the weight of a level.
SLACK, CURVATURE = 0.15, 0.05
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Order:
    """A measured order.

    Attributes:
        problem, scheme, sort: what was solved.
        kind: "strong" or "weak"; measure: how the error is taken.
        dt, error, se: (levels,).
        slope, low, high: of log error over log dt, with its 95% interval; NaN where fewer than three levels
            stand out of the noise.
        stated: what the scheme's class claims, or None.
    """

    problem: str
    scheme: str
    sort: str
    kind: str
    measure: str
    dt: Array
    error: Array
    se: Array
    slope: float
    low: float
    high: float
    stated: float | None

    @property
    def verdict(self) -> str:
        """met: the interval lies above the stated order less 0.15; missed: below it; else undecided."""
        if self.stated is None:
            return "none stated"
        if np.isnan(self.slope):
            return "undecided"
        goal = self.stated - SLACK
        return "met" if self.low >= goal else "missed" if self.high < goal else "undecided"


def measure(
    problem: Problem, *, steps: tuple[int, ...], fine: int, pairs: int, batches: int, seed: int
) -> list[Order]:
    """Orders of every scheme on a problem from independent batches of coupled paths."""
    strong: dict[tuple[str, str], list[Array]] = {}
    weak: dict[str, list[Array]] = {}
    for batch in range(batches):
        rng = np.random.default_rng([seed, batch, *problem.key.encode()])
        for scheme, (ends, truth) in problem.ends(rng, pairs, steps, fine).items():
            size = np.abs(ends - truth)
            for name in problem.strong:
                strong.setdefault((scheme, name), []).append(AVERAGES[name](size))
            moments = [(f(ends) - f(truth)).mean(axis=1) for f in problem.functions]
            weak.setdefault(scheme, []).append(np.stack(moments))
    dt = problem.duration / np.array(steps, dtype=np.float64)
    found = []
    for (scheme, name), values in strong.items():
        final = np.sqrt if name == "rms" else np.asarray
        found.append(fitted(problem, scheme, "strong", name, dt, np.stack(values), final))
    for scheme, values in weak.items():
        found.append(fitted(problem, scheme, "weak", "moments", dt, np.stack(values), length))
    return found


def length(moments: Array) -> Array:
    """√Σ over functions, (functions, levels) → (levels,)."""
    return np.asarray(np.sqrt(np.sum(moments**2, axis=0)))


# What of |error| (levels, K) is averaged over batches.
AVERAGES: dict[str, Callable[[Array], Array]] = {
    "rms": lambda size: np.mean(size**2, axis=1),
    "capped": lambda size: np.mean(np.minimum(size, 1.0), axis=1),
    "median": lambda size: np.median(size, axis=1),
}


def fitted(
    problem: Problem,
    scheme: str,
    kind: str,
    name: str,
    dt: Array,
    values: Array,
    final: Callable[[Array], Array],
) -> Order:
    """Pool batches (B, …, levels), take the final function, fit the slope; spread by the jackknife."""
    count = len(values)
    total = values.sum(axis=0)
    error = final(total / count)
    without = np.stack([final((total - v) / (count - 1)) for v in values])
    se = jackknife(without)
    kept = error > SIGNAL * se
    slope = low = high = np.nan
    if kept.sum() >= 3:
        x, weight = np.log2(dt[kept]), 1.0 / np.hypot(se[kept] / error[kept], CURVATURE)
        slope = float(np.polyfit(x, np.log2(error[kept]), 1, w=weight)[0])
        slopes = np.polyfit(x, np.log2(without[:, kept]).T, 1, w=weight)[0]
        half = float(student.ppf(0.5 + LEVEL / 2, count - 1) * jackknife(slopes))
        low, high = slope - half, slope + half
    made = SCHEMES[scheme]
    orders = made.strong_order if kind == "strong" else made.weak_order
    return Order(
        problem.key, scheme, problem.sort, kind, name, dt, error, se, slope, low, high, orders[problem.sort]
    )


def jackknife(without: Array) -> Array:
    """Standard error from leave-one-batch-out values (B, …)."""
    count = len(without)
    return np.asarray(np.sqrt((count - 1) / count * np.sum((without - without.mean(axis=0)) ** 2, axis=0)))
