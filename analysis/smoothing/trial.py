"""One training's readings of a known C along the way, and what single and smoothed readings say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim import estimators as est
from sdesim.estimators import ArrayEstimate, Estimate

Array = NDArray[np.float64]
LEVEL, DIM, DEGREES, CRITICAL, TRACE_DRAWS = 0.95, 50, 5, 0.05, 8
# Relative deviation of zᵀHz of one random direction from Tr HΣ, as on a small CNN.
_TRACE_SPREAD = 0.47
TRUTHS: dict[str, Callable[[Array], Array]] = {
    "constant, 2 C*": lambda x: np.full(x.shape, 0.1),
    "constant, C*": lambda x: np.full(x.shape, CRITICAL),
    "constant, 0": lambda x: np.zeros(x.shape),
    "line, 0.3 to 0.02": lambda x: 0.3 - 0.28 * x,
    "decay, e^(−6x)": lambda x: np.exp(-6 * x),
    "rise, 0.01 e^(5x)": lambda x: 0.01 * np.exp(5 * x),
    "jump, 0.2 to 0.02": lambda x: np.where(x < 0.5, 0.2, 0.02),
    "wave, 0.06 (1 + sin 8x)": lambda x: 0.06 * (1 + np.sin(8 * x)),
}


@dataclass(frozen=True)
class Reading:
    """C at k places of each of the trainings (r, k): truth, single readings, smoothed ones, and C − C*."""

    times: Array
    truth: Array
    single: ArrayEstimate
    smoothed: ArrayEstimate
    phases: NDArray[np.str_]
    smoothed_phases: NDArray[np.str_]
    excess: ArrayEstimate


def times(places: int, rng: np.random.Generator) -> Array:
    """Irregular times: gaps of 0.1 and an exponential one."""
    return np.asarray(np.cumsum(0.1 + rng.exponential(1, places)))


def truth_at(name: str, t: Array) -> Array:
    return TRUTHS[name]((t - t[0]) / (t[-1] - t[0]))


def read(
    name: str, t: Array, n: int, trainings: int, rng: np.random.Generator, heavy: bool = False
) -> Reading:
    """Readings of n gradients at each place, with eigenvalues of the noise ∝ 1/k in 50 dimensions (d_eff 12).

    Args:
        heavy: noise of Student's t₅ on each axis instead of Gaussian.
    """
    truth = truth_at(name, t)
    parts = [_sums(truth, n, rng, heavy) for _ in range(trainings)]
    signal, noise, norm2, dot = (np.stack([p[k] for p in parts]) for k in range(4))
    value, low, high = est.jackknife_consolidation(norm2, dot, LEVEL)
    many = np.full(value.shape, n)
    single: ArrayEstimate = Estimate(value, low, high, LEVEL, "jackknife", many)  # type: ignore[arg-type]
    draws = CRITICAL * (1 + _TRACE_SPREAD * rng.standard_normal((*value.shape, TRACE_DRAWS)))
    star, star_error = draws.mean(-1), draws.std(-1, ddof=1) / np.sqrt(TRACE_DRAWS)
    half = stdtrit(TRACE_DRAWS - 1, 0.5 + LEVEL / 2) * star_error
    bar: ArrayEstimate = Estimate(star, star - half, star + half, LEVEL, "draws", many)  # type: ignore[arg-type]
    mu2, trace = est.signal_and_noise(signal, noise, n, norm2, dot, LEVEL, cut=False)
    quantile = stdtrit(n - 1, 0.5 + LEVEL / 2)
    mu2_error, trace_error = (0.5 * (e.high - e.low) / quantile for e in (mu2, trace))
    c = est.smoothed_ratio(mu2.value, mu2_error, trace.value, trace_error, t, LEVEL)
    excess = est.smoothed_difference(c, est.smooth(star, star_error, t, LEVEL))
    return Reading(
        t, truth, single, c, est.phase(single, threshold=bar), est.smoothed_phase(excess)[0], excess
    )


def _sums(truth: Array, n: int, rng: np.random.Generator, heavy: bool) -> tuple[Array, Array, Array, Array]:
    """|ḡ|², Tr Σ̂, |gᵢ|² and gᵢ·ḡ at each place; Tr Σ = 1."""
    spectrum = 1 / np.arange(1.0, DIM + 1)
    scale = np.sqrt(spectrum / spectrum.sum())
    # A mean gradient that lies more in the noisy directions, as in a training.
    toward = rng.standard_normal((len(truth), DIM)) * np.sqrt(scale)
    mu = toward / np.linalg.norm(toward, axis=1, keepdims=True) * np.sqrt(truth)[:, None]
    shape = (len(truth), n, DIM)
    drawn = rng.standard_t(DEGREES, shape) * np.sqrt(1 - 2 / DEGREES) if heavy else rng.standard_normal(shape)
    g = mu[:, None] + scale * drawn
    mean = g.mean(axis=1)
    noise = ((g - mean[:, None]) ** 2).sum(axis=(1, 2)) / (n - 1)
    return (mean**2).sum(axis=1), noise, (g**2).sum(axis=2), np.einsum("knd,kd->kn", g, mean)
