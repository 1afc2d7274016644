"""Cases of C in parts, pairs, streams and other metrics, and of the information in a gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est
from sdesim.estimators import Estimate

from .case import Case, register
from .gradients import white

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Any]
_GROUP = slice(0, 10)


def _examples(batch: int) -> Draw:
    """n batches' mean gradients of examples with |μ|² = 0.5, Tr Σ = 50: C₁ = 0.01."""
    return lambda rng, n: rng.standard_normal((n, batch, 50)).mean(axis=1) + 0.1


def _two_sizes(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Squared norms at batches of 4 and of the 32 that hold them, C₁ = 0.01."""
    g = rng.standard_normal((n, 32, 50)) + 0.1
    small, large = g[:, :4].mean(axis=1), g.mean(axis=1)
    return (small**2).sum(axis=1), (large**2).sum(axis=1)


def _grouped(rng: np.random.Generator, n: int) -> Array:
    """White noise of trace 1 in 100 dimensions, |μ|² = 0.2, 60% of it on the first ten coordinates."""
    mu = np.full(100, math.sqrt(0.2 * 0.4 / 90))
    mu[_GROUP] = math.sqrt(0.2 * 0.6 / 10)
    return np.asarray(rng.standard_normal((n, 100)) / 10 + mu)


_METRIC = 1.0 / np.arange(1.0, 21.0)


def _natural(rng: np.random.Generator, n: int) -> Array:
    """Noise of covariance F = diag(1/k) in 20 dimensions, μ = ½√F 1: C_F = ¼."""
    return np.asarray((rng.standard_normal((n, 20)) + 0.5) * np.sqrt(_METRIC))


def _clients(g: Array) -> Estimate:
    parts = [est.gradient_moments(rows) for rows in np.array_split(g, 4)]
    return est.client_parts(parts).pooled


def _objectives(rng: np.random.Generator, n: int) -> Array:
    """Two objectives with orthogonal means |μ|² = ½, 1 and independent noise of trace 1."""
    g = rng.standard_normal((2, n, 50)) / math.sqrt(50)
    g[0, :, 0] += math.sqrt(0.5)
    g[1, :, 1] += 1.0
    return np.asarray(g)


def _pairs(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    draw = white(0.05, 20)
    return draw(rng, n), draw(rng, n)


def _windows(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """|ḡ|² and Tr Σ̂ at n probes of 16 white gradients, C = 0.05."""
    g = np.stack([white(0.05, 20)(rng, 16) for _ in range(n)])
    return (g.mean(axis=1) ** 2).sum(axis=1), g.var(axis=1, ddof=1).sum(axis=1)


def _ema(g: Array) -> Estimate:
    stream = est.EmaStream(beta=0.9)
    for row in g:
        stream.update(row)
    return stream.estimate()


def _channel(rng: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Three known signals in 30 dimensions, and n gradients of white noise with variance ½."""
    return rng.standard_normal((3, 30)), rng.standard_normal((n, 30)) * math.sqrt(0.5)


def _true_information(data: tuple[Array, Array]) -> float:
    means = data[0]
    return float(0.5 * np.linalg.slogdet(np.eye(3) + means @ means.T / 3 / 0.5)[1])


def _parts() -> Iterator[Case]:
    sizes = (8, 20, 64)
    c16 = "batches of 16, C₁ = 0.01"
    yield Case(
        "at_batch_size", "16 → 64", c16, _examples(16),
        lambda g: est.at_batch_size(est.consolidation_ratio(g), 16, 64), 0.64, sizes, coverage=0.95,
    )  # fmt: skip
    yield Case(
        "noise_scale", "1/C₁", c16, _examples(16), lambda g: est.noise_scale(est.consolidation_ratio(g), 16),
        100.0, sizes, coverage=0.95, reason="1/C₁ of a noisy C₁: its mean is not to be used, its interval is",
    )  # fmt: skip
    yield Case(
        "two_batch_consolidation", "fieller", "batches of 4 within 32, C₁ = 0.01", _two_sizes,
        lambda norms: est.two_batch_consolidation(*norms, 4, 32), 0.01, (20, 50, 200), coverage=0.94,
        replications=1000, size_name="pairs", reason="squared norms are skewed",
    )  # fmt: skip
    spread = "white noise, 60% of the signal on 10% of the coordinates"
    yield Case(
        "group_consolidation", "debiased", spread, _grouped,
        lambda g: est.group_consolidation(g, {"first": _GROUP})["first"], 1.2, sizes, coverage=0.95,
    )  # fmt: skip
    for method, d_h in (("corrected", None), ("literal", 1.5)):
        yield Case(
            "subnetwork_gain", method, spread, _grouped,
            lambda g, method=method, d_h=d_h: est.subnetwork_gain(g, _GROUP, method, d_h), 6.0, sizes,
            coverage=0.94 if method == "corrected" else None,
            reason="a ratio of ratios" if method == "corrected" else "the signal's share stands upside down",
        )  # fmt: skip
    yield Case(
        "metric_consolidation", "debiased", "noise of covariance F = diag(1/k), C_F = ¼", _natural,
        lambda g: est.metric_consolidation(g, _METRIC), 0.25, sizes, coverage=0.95,
    )  # fmt: skip
    yield Case(
        "client_parts", "pooled", "four clients of one law, white, C = 0.05", white(0.05, 20), _clients, 0.05,
        (20, 64), coverage=0.95,
    )  # fmt: skip
    two = "two orthogonal objectives, C = ½ and 1"
    yield Case(
        "consolidation_matrix", "best", two, _objectives, _best, 1.0, (20, 64, 256), replications=100,
        reason="the best of several noisy ratios is biased upwards, as every maximum is",
    )  # fmt: skip
    yield Case(
        "consolidation_matrix", "equal weights", two, _objectives,
        lambda g: est.consolidation_matrix(g).estimate([0.5, 0.5]), 0.75, (20, 64), coverage=0.95,
        replications=100,
    )  # fmt: skip
    yield Case(
        "consolidation_matrix", "Pareto gap", two, _objectives,
        lambda g: est.consolidation_matrix(g).pareto(), 1 / 3, (20, 64), coverage=0.95, replications=100,
    )  # fmt: skip


def _best(g: Array) -> Estimate:
    return Estimate(est.consolidation_matrix(g).best, math.nan, math.nan, 0.95, "eigenvalue", g.shape[1])


def _streams() -> Iterator[Case]:
    small = "white, d = 20, C = 0.05"
    yield Case(
        "paired_consolidation", "fieller", small, _pairs, lambda p: est.paired_consolidation(*p), 0.05,
        (10, 30, 100), coverage=0.95, size_name="pairs",
    )  # fmt: skip
    yield Case(
        "windowed_consolidation", "fieller", f"probes of 16 draws, {small}", _windows,
        lambda w: est.windowed_consolidation(*w, 16), 0.05, (10, 20, 60), coverage=0.95, size_name="probes",
        replications=1000,
    )  # fmt: skip
    yield Case(
        "EmaStream", "β = 0.9", small, white(0.05, 20), _ema, 0.05, (10, 40), coverage=0.95, replications=400,
    )  # fmt: skip
    yield Case(
        "channel_information_bound", "projected", "three signals in 30 dimensions, white noise", _channel,
        lambda data: est.channel_information_bound(*data), _true_information, (64, 256, 1024),
        replications=400, reason="the inverse of a sample covariance is too large by d/n",
    )  # fmt: skip


register(_parts())
register(_streams())
