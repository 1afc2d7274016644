"""Is the difference that a verdict states seen nine times in ten, and do the seeds that it states settle it?

Seeds are paths of a stationary normal process, correlated over time as exp(−|t − t′|/τ). Pilots are compared
as one of `COUNT` quantities; then fresh pairs of arms, as far apart or as many as the pilot said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdesim.comparison import power, quantity
from sdesim.comparison.align import Aligned
from sdesim.estimators.core.power import interval_power
from sdesim.estimators.core.support import mean_interval
from sdesim.support import ANYTHING, POSITIVE, SHARE, Support

Array = NDArray[np.float64]
Rng = np.random.Generator
LEVEL, TIMES, COUNT = 0.95, 30, 14
PILOTS, REPEATS = 30, 10


def paths(rng: Rng, n: int, tau: float) -> Array:
    """n seeds of unit variance (n, TIMES)."""
    keep = math.exp(-1 / tau) if tau else 0.0
    x = rng.standard_normal((n, TIMES))
    for t in range(1, TIMES):
        x[:, t] = keep * x[:, t - 1] + math.sqrt(1 - keep**2) * x[:, t]
    return x


def compared(simulated: Array, real: Array) -> tuple[quantity.QuantityComparison, Aligned]:
    """The verdict, with its power, as one of COUNT quantities of which none differs."""
    nothing = np.full(real.shape[1], np.nan)
    pair = Aligned(np.arange(real.shape[1], dtype=float), simulated, real, (nothing, nothing),
                   (nothing, nothing), 0)  # fmt: skip
    raw = quantity.measure_difference("", pair, LEVEL, COUNT)
    return quantity.judge(raw, min(1.0, COUNT * raw.p_value), LEVEL, COUNT), pair


def differences(n: int, tau: float) -> str:
    """Share of fresh pairs as far apart as stated that are seen."""
    rng = np.random.default_rng((n, int(10 * tau)))
    seen, stated = [], []
    for _ in range(PILOTS):
        q, pair = compared(paths(rng, n, tau), paths(rng, n, tau))
        told = power.power_of(pair, LEVEL, COUNT, COUNT, q.null_limit)
        assert told is not None
        stated.append(told.difference)
        for _ in range(REPEATS):
            fresh, _ = compared(paths(rng, n, tau) + told.difference, paths(rng, n, tau))
            seen.append(fresh.outcome == "differs")
    low, high = np.quantile(stated, [0.1, 0.9])
    return f"| {n} + {n} | {tau:g} | {np.median(stated):.2f} [{low:.2f}, {high:.2f}] | {np.mean(seen):.3f} |"


def seeds(n: int, tau: float, true: float) -> str:
    """Of pilots that are not told apart, the seeds stated, and how often so many tell what was measured, and
    what is true."""
    rng = np.random.default_rng((n, int(10 * tau), int(100 * true)))
    open_ones = 0
    needed, measured, truth, settled = [], [], [], []
    for _ in range(PILOTS):
        q, pair = compared(paths(rng, n, tau) + true, paths(rng, n, tau))
        if q.outcome == "differs":
            continue
        open_ones += 1
        told = power.power_of(pair, LEVEL, COUNT, COUNT, q.null_limit)
        assert told is not None
        if told.needed is None or told.needed > 200:
            continue
        needed.append(told.needed)
        gap = power.measured_gap(pair)
        for _ in range(REPEATS):
            sim, real = (paths(rng, told.needed, tau) for _ in range(2))
            measured.append(compared(sim + gap, real)[0].outcome == "differs")
            fresh = compared(sim + true, real)[0].outcome
            truth.append(fresh == "differs")
            settled.append(fresh != "undecided")
    if not needed:
        return f"| {n} + {n} | {tau:g} | {true:g} | {open_ones} | none | – | – | – |"
    low, high = np.quantile(needed, [0.1, 0.9])
    return (
        f"| {n} + {n} | {tau:g} | {true:g} | {open_ones} | {np.median(needed):.0f} [{low:.0f}, {high:.0f}]"
        f" | {np.mean(measured):.3f} | {np.mean(truth):.3f} | {np.mean(settled):.3f} |"
    )


def bounds(name: str, n: int, support: Support, draw: str) -> str:
    """Intervals that span a bound: how often the distance stated, and the sample stated, leave it out."""
    rng = np.random.default_rng(n)

    def values(mean: float, size: tuple[int, int]) -> Array:
        if draw == "normal":
            return mean + rng.standard_normal(size)
        if draw == "gamma":
            return rng.gamma(4.0, mean / 4, size)
        return rng.beta(20 * mean, 20 * (1 - mean), size)

    bound = 0.9 if draw == "beta" else 1.0
    apart, enough, stated = [], [], []
    for _ in range(300):
        m, low, high = (float(x) for x in mean_interval(values(bound, (n, 1))[:, 0], support, LEVEL))
        if not low <= bound <= high:
            continue
        told = interval_power(m, low, high, bound, n, LEVEL, support)
        sign = 1.0 if m >= bound else -1.0
        stated.append(told.difference)
        _, below, above = mean_interval(values(bound + sign * told.difference, (n, 50)), support, LEVEL)
        apart.append(((below > bound) if sign > 0 else (above < bound)).mean())
        if told.needed is not None and told.needed <= 3000:
            _, below, above = mean_interval(values(m, (told.needed, 50)), support, LEVEL)
            enough.append(((below > bound) if sign > 0 else (above < bound)).mean())
    return f"| {name} | {n} | {np.median(stated):.3g} | {np.mean(apart):.3f} | {np.mean(enough):.3f} |"


def _lines() -> Iterator[str]:
    yield "The difference that a verdict of no difference states, in spreads, and how often it is seen:\n"
    yield "| seeds | correlated over | difference, 10% to 90% | seen |"
    yield "|---|---|---|---|"
    for n in (4, 8, 16):
        for tau in (0.0, 3.0, 30.0):
            yield differences(n, tau)
    yield "\nThe seeds in each arm that it states, and what fresh arms of that size say:\n"
    yield (
        "| pilot | correlated over | true difference | not told apart | seeds, 10% to 90% | measured one seen"
        " | true one seen | settled |"
    )
    yield "|---|---|---|---|---|---|---|---|"
    for n, tau, true in ((4, 3.0, 1.0), (4, 3.0, 2.0), (8, 3.0, 0.7), (16, 3.0, 0.5), (16, 30.0, 0.8)):
        yield seeds(n, tau, true)
    yield "\nIntervals against a bound:\n"
    yield "| values | n | difference | left out at that distance | left out with the sample stated |"
    yield "|---|---|---|---|---|"
    for n in (4, 16):
        yield bounds("normal, σ = 1", n, ANYTHING, "normal")
        yield bounds("gamma, mean about 1, σ half of it", n, POSITIVE, "gamma")
        yield bounds("beta, mean about 0.9", n, SHARE, "beta")


def table() -> str:
    """Three tables."""
    return "\n".join(_lines()) + "\n"
