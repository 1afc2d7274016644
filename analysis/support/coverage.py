"""Coverage of `mean_interval` for laws of every support, beside that of Student's plain interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim.estimators.core.support import mean_interval
from sdesim.support import CORRELATION, DEBIASED, POSITIVE, SHARE, Support

Array = NDArray[np.float64]
Rng = np.random.Generator
SIZES, TRIALS, LEVEL = (4, 8, 16, 32), 20_000, 0.95


@dataclass(frozen=True)
class Law:
    """Values of one seed: their law, mean and support."""

    name: str
    mean: float
    support: Support
    draw: Callable[[Rng, tuple[int, int]], Array]


def laws() -> Iterator[Law]:
    """What seeds show of losses, norms, accuracies, shares, correlations and debiased C."""
    for sigma in (0.1, 0.5, 1.0):
        yield Law(
            f"positive, log-normal σ = {sigma:g}", math.exp(sigma**2 / 2), POSITIVE,
            lambda rng, shape, s=sigma: np.exp(s * rng.standard_normal(shape)),
        )  # fmt: skip
    yield Law("positive, exponential (times)", 1.0, POSITIVE, lambda rng, shape: rng.exponential(1.0, shape))
    yield Law(
        "positive, left-skewed (1 − beta)", 1 - 1 / 11, POSITIVE,
        lambda rng, shape: 1 - rng.beta(1, 10, shape),
    )  # fmt: skip
    for p in (0.5, 0.95, 0.99):
        yield Law(
            f"accuracy {p:g} of 500 examples, seeds ± 1%", p, SHARE,
            lambda rng, shape, p=p: rng.binomial(500, _beta(rng, p, 0.01, shape)) / 500,
        )  # fmt: skip
    yield Law(
        "accuracy 0.998 of 500 (a third of seeds at 1)", 0.998, SHARE,
        lambda rng, shape: rng.binomial(500, 0.998, shape) / 500,
    )  # fmt: skip
    yield Law("share of time, beta(2, 5)", 2 / 7, SHARE, lambda rng, shape: rng.beta(2, 5, shape))
    yield Law("share of time, beta(0.4, 1.6)", 0.2, SHARE, lambda rng, shape: rng.beta(0.4, 1.6, shape))
    yield Law(
        "correlation 0.6 of 20 pairs", math.nan, CORRELATION,
        lambda rng, shape: np.tanh(math.atanh(0.6) + rng.standard_normal(shape) / math.sqrt(17)),
    )  # fmt: skip
    for c in (0.0, 0.05):
        yield Law(
            f"debiased C = {c:g}, 64 draws in 30 dimensions", c, DEBIASED,
            lambda rng, shape, c=c: _debiased(rng, c, 64, 30, shape),
        )  # fmt: skip


def _beta(rng: Rng, p: float, sd: float, shape: tuple[int, int]) -> Array:
    sd = min(sd, 0.5 * math.sqrt(p * (1 - p)), 0.5 * (1 - p))
    k = p * (1 - p) / sd**2 - 1
    return rng.beta(p * k, (1 - p) * k, shape)


def _debiased(rng: Rng, c: float, n: int, d: int, shape: tuple[int, int]) -> Array:
    """Ĉ of n white gradients, its mean freed of the bias of 1/Tr Σ̂."""
    signal = rng.noncentral_chisquare(d, n * d * c, shape) if c else rng.chisquare(d, shape)
    trace = rng.chisquare(d * (n - 1), shape) / (n - 1)
    found = (signal - trace) / n / trace
    nu = d * (n - 1)
    exact = (1 + n * c) * nu / (nu - 2) - 1
    return found - exact / n + c


def table() -> str:
    """One line for each law and number of seeds."""
    head = [
        "| law of a seed's value | seeds | covers | plain covers | plain leaves support | width over plain |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(head + [line for law in laws() for line in _lines(law)]) + "\n"


def _lines(law: Law) -> Iterator[str]:
    rng = np.random.default_rng(0)
    truth = law.mean if math.isfinite(law.mean) else float(law.draw(rng, (1, 4_000_000)).mean())
    for n in SIZES:
        x = law.draw(rng, (n, TRIALS))
        mean, low, high = mean_interval(x, law.support, LEVEL)
        half = float(stdtrit(n - 1, 0.5 + LEVEL / 2)) * x.std(axis=0, ddof=1) / math.sqrt(n)
        outside = ((low < law.support.low) | (high > law.support.high)).any()
        if outside:
            raise AssertionError(f"{law.name}: an interval leaves its support")
        inside = ((low <= truth) & (truth <= high)).mean()
        plain = (np.abs(mean - truth) <= half).mean()
        leaves = ((mean - half < law.support.low) | (mean + half > law.support.high)).mean()
        moving = half > 0
        width = float(np.median((high - low)[moving] / (2 * half[moving])))
        yield f"| {law.name} | {n} | {inside:.3f} | {plain:.3f} | {leaves:.3f} | {width:.2f} |"
