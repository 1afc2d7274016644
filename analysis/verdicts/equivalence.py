"""How often arms are called equal within δ that are δ apart, and those of equal law.

Seeds are paths of 20 times of unit variance, normal or exponential, correlated over time as exp(−|t − t′|/τ);
τ = ∞ is one number for all times. The simulated arm's spread is `ratio` times the real one's. Arms are δ
apart at all times to one side, or half of the time to each.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sdesim.comparison import equivalence
from sdesim.comparison.equivalence import MARGIN, chance

Array = NDArray[np.float64]
TIMES, REPEATS, STATED, ALPHA = 20, 1000, 30, 0.05
SIZES = ((3, 3), (4, 4), (8, 8), (16, 16), (32, 32), (4, 16))


def seeds(rng: np.random.Generator, n: int, tau: float, law: str = "normal") -> Array:
    """n seeds of mean 0 and unit variance (n, TIMES)."""
    if law == "exponential":
        # Half of the variance is one number for all times, so that skewness stays.
        both = rng.exponential(size=(n, 1)) - 1, rng.exponential(size=(n, TIMES)) - 1
        return math.sqrt(0.5) * (both[0] + both[1])
    if math.isinf(tau):
        return np.repeat(rng.standard_normal((n, 1)), TIMES, axis=1)
    keep = math.exp(-1 / tau) if tau else 0.0
    x = rng.standard_normal((n, TIMES))
    for t in range(1, TIMES):
        x[:, t] = keep * x[:, t - 1] + math.sqrt(1 - keep**2) * x[:, t]
    return x


def share(n_s: int, n_r: int, tau: float, ratio: float, law: str, margin: float, apart: Array) -> float:
    """Share of pairs of arms that are called equal within a margin."""
    rng = np.random.default_rng((n_s, n_r, int(10 * min(tau, 1e3)), int(10 * ratio), len(law)))
    said = 0
    for _ in range(REPEATS):
        arms = ratio * seeds(rng, n_s, tau, law) + apart, seeds(rng, n_r, tau, law)
        said += chance(*arms, margin) <= ALPHA
    return said / REPEATS


def stated(n: int, tau: float) -> str:
    """Of pilots of equal law: the margin that is detectable and the seeds for one spread, held against fresh
    arms."""
    rng = np.random.default_rng((n, int(10 * tau)))
    seen, enough, margins, needed = [], [], [], []
    for _ in range(STATED):
        pilot = equivalence(seeds(rng, n, tau), seeds(rng, n, tau))
        assert pilot is not None
        margins.append(pilot.detectable)
        needed.append(pilot.needed or math.inf)
        for _ in range(10):
            seen.append(chance(seeds(rng, n, tau), seeds(rng, n, tau), pilot.detectable) <= ALPHA)
            if pilot.needed is not None:
                arms = seeds(rng, pilot.needed, tau), seeds(rng, pilot.needed, tau)
                enough.append(chance(*arms, MARGIN) <= ALPHA)
    spread = "{:.2f} [{:.2f}, {:.2f}]".format(*np.quantile(margins, [0.5, 0.1, 0.9]))
    counts = "{:.0f} [{:.0f}, {:.0f}]".format(*np.quantile(needed, [0.5, 0.1, 0.9]))
    return f"| {n} + {n} | {tau:g} | {spread} | {np.mean(seen):.3f} | {counts} | {np.mean(enough):.3f} |"


def _rows() -> Iterator[str]:
    one, two = np.ones(TIMES), np.where(np.arange(TIMES) < TIMES / 2, 1.0, -1.0)
    cases = [(tau, ratio, "normal") for tau in (0.0, 5.0, math.inf) for ratio in (0.5, 1.0, 2.0)]
    for n_s, n_r in SIZES:
        for tau, ratio, law in [*cases, (1.0, 1.0, "exponential")]:
            cells = [
                share(n_s, n_r, tau, ratio, law, margin, margin * apart)
                for apart in (one, two)
                for margin in (1.0, 2.0)
            ]
            cells += [share(n_s, n_r, tau, ratio, law, margin, 0 * one) for margin in (1.0, 2.0)]
            shape = law if law != "normal" else f"τ = {tau:g}".replace("inf", "∞")
            numbers = " | ".join(f"{c:.3f}" for c in cells)
            yield f"| {n_s} + {n_r} | {shape} | {ratio:g} | {numbers} |"


def table() -> str:
    """The document."""
    lines = [
        "# Equality within a margin",
        "",
        f"Share of {REPEATS:,} pairs of arms that are called equal within δ (standard error of 0.05: "
        f"{math.sqrt(0.05 * 0.95 / REPEATS):.3f}), simulated + real seeds.",
        "",
        "| seeds | over time | spread of simulations | δ apart, δ = 1 | δ = 2 | up, then down, δ = 1 "
        "| δ = 2 | equal, δ = 1 | δ = 2 |",
        "|---|---|---|---|---|---|---|---|---|",
        *_rows(),
        "",
        "Of arms of equal law: the margin stated as detectable with probability 0.9, median [80% of the "
        "pilots], how often fresh arms are shown to be within it; the seeds stated for one spread, and how "
        "often so many show it.",
        "",
        "| pilot | τ | detectable | shown | seeds for δ = 1 | shown |",
        "|---|---|---|---|---|---|",
        *(stated(n, tau) for n in (4, 8, 16) for tau in (0.0, 5.0)),
        "",
    ]
    return "\n".join(lines)
