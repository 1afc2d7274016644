"""What every form of C is made of: n draws reduced to |ḡ|², |eᵢ|² and eᵢ·ḡ, with eᵢ = gᵢ − ḡ.

Working with the centred draws keeps Tr Σ̂ exact to rounding where |ḡ|² is far larger than it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate

Array = NDArray[np.float64]
# Entries per block of columns, 2 MB: a block is read from memory once and stays in cache.
BLOCK = 2**18
# Share of |ḡ|² below which the trace is rounding, from centred gradients and from two numbers per draw.
_ROUNDING = 1e-24
_ROUNDING_OF_NUMBERS = 1e-14
# Chance of calling Gaussian draws heavy-tailed, whatever their covariance.
_HEAVY_LEVEL = 1e-3


@dataclass(frozen=True)
class Draws:
    """n gradients at one θ, or many such sets along leading axes.

    Attributes:
        signal: |ḡ|², (...,).
        deviation: |eᵢ|², (..., n).
        along: eᵢ·ḡ, (..., n).
        rounding: share of |ḡ|² below which the trace can't be told from rounding.
        gram: eᵢ·eⱼ, (n, n), where it was asked for.
    """

    signal: Array
    deviation: Array
    along: Array
    rounding: float = _ROUNDING
    gram: Array | None = None

    @property
    def n(self) -> int:
        return int(self.deviation.shape[-1])

    @property
    def trace(self) -> Array:
        """Tr Σ̂, unbiased, (...,)."""
        return np.asarray(self.deviation.sum(axis=-1) / (self.n - 1))

    def __add__(self, other: Draws) -> Draws:
        """The same draws on the coordinates of both."""
        return Draws(self.signal + other.signal, self.deviation + other.deviation, self.along + other.along)

    def left_out(self) -> tuple[Array, Array]:
        """|ḡ₋ᵢ|² and Tr Σ̂₋ᵢ with draw i left out, both (..., n); needs n ≥ 3."""
        n = self.n
        signal = self.signal[..., None] - 2 * self.along / (n - 1) + self.deviation / (n - 1) ** 2
        total = self.deviation.sum(axis=-1, keepdims=True)
        return signal, (total - self.deviation * (n / (n - 1))) / (n - 2)


def matrix(gradients: ArrayLike, rows: int = 2) -> NDArray[np.floating]:
    """Gradients as they are, (n, d), without a copy of floats.

    Raises:
        EstimatorError: not (n, d), or fewer than `rows` rows.
    """
    g = np.asarray(gradients)
    if g.ndim != 2:
        raise EstimatorError(f"gradients must have shape (n, d), got {g.shape}")
    if g.shape[0] < rows:
        raise EstimatorError(f"at least {rows} gradients are needed for a covariance, got {g.shape[0]}")
    return g if np.issubdtype(g.dtype, np.floating) else g.astype(np.float64)


def check_level(level: float) -> None:
    """Raises EstimatorError unless 0 < level < 1."""
    if not 0 < level < 1:
        raise EstimatorError(f"level must be in (0, 1), got {level}")


def centred_blocks(g: NDArray[np.floating]) -> Iterator[tuple[Array, Array]]:
    """(mean, centred rows) of one block of columns after another, in double precision.

    The rows stand in one buffer, which the next block overwrites.
    """
    width = max(1, BLOCK // len(g))
    buffer = np.empty((len(g), min(width, g.shape[1])))
    for start in range(0, g.shape[1], width):
        block = g[:, start : start + width]
        mean = np.add.reduce(block, axis=0, dtype=np.float64) / len(g)
        yield mean, np.subtract(block, mean, out=buffer[:, : block.shape[1]])


def raw_gram(g: NDArray[np.floating]) -> Array:
    """gᵢ·gⱼ, (n, n), in double precision."""
    width = max(1, BLOCK // len(g))
    gram = np.zeros((len(g), len(g)))
    for start in range(0, g.shape[1], width):
        block = g[:, start : start + width].astype(np.float64, copy=False)
        gram += block @ block.T
    return gram


def draws_of_gradients(g: NDArray[np.floating], with_gram: bool = False) -> Draws:
    """Draws of gradients (n, d); one pass over memory, and another for the Gram matrix."""
    n = len(g)
    signal, deviation, along = 0.0, np.zeros(n), np.zeros(n)
    for mean, e in centred_blocks(g):
        signal += float(mean @ mean)
        deviation += np.einsum("ij,ij->i", e, e)
        # Not a BLAS product: starting threads for every block costs far more than the block.
        along += np.einsum("ij,j->i", e, mean)
    gram = None
    if with_gram:
        raw = raw_gram(g)
        gram = raw - raw.mean(axis=0) - raw.mean(axis=1)[:, None] + raw.mean()
    return Draws(np.asarray(signal), deviation, along, gram=gram)


def draws_of_numbers(norm2: ArrayLike, dot_mean: ArrayLike) -> Draws:
    """Draws from |gᵢ|² and gᵢ·ḡ, both (..., n)."""
    q = np.asarray(norm2, dtype=np.float64)
    dot = np.asarray(dot_mean, dtype=np.float64)
    signal = dot.mean(axis=-1)
    return Draws(
        signal, q - 2 * dot + signal[..., None], dot - signal[..., None], rounding=_ROUNDING_OF_NUMBERS
    )


def debiased(signal: Array, trace: Array, n: int, f: float) -> Array:
    """(|ḡ|² − f TrΣ̂/n)/TrΣ̂."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((signal - f * trace / n) / trace)


def student(level: float, freedom: float) -> float:
    """Two-sided quantile of Student's t."""
    return float(stdtrit(freedom, 0.5 + level / 2))


def jackknife(draws: Draws, level: float, f: float = 1.0) -> tuple[Array, Array, Array]:
    """Debiased C, low and high, each (...,); see `jackknife_consolidation`."""
    n = draws.n
    signal, trace = draws.signal, draws.trace
    value = debiased(signal, trace, n, f)
    if n < 3:
        nothing = np.full(value.shape, np.nan)
        return value, nothing, nothing.copy()
    left_out = debiased(*draws.left_out(), n - 1, f)
    variance = (n - 1) / n * ((left_out - left_out.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    t2 = student(level, n - 1) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (draws.along**2).sum(axis=-1) / (n - 1) / (signal * trace)
    # The x ≥ 0 with x² = t²(v + 4hx/n), h the share of the noise along ḡ: v grows by 4h/n per unit of C.
    slope = t2 * 4 * np.where(np.isfinite(share), share, 0.0) / n
    above = 0.5 * (slope + np.sqrt(slope**2 + 4 * t2 * variance))
    return value, value - np.sqrt(t2 * variance), value + above


def noise_flags(signal: float, trace: float, n: int, rounding: float = _ROUNDING) -> list[str]:
    """Flags of the two sums: n_too_small, nonfinite, interpolated (0/0), zero_noise."""
    flags = ["n_too_small"] if n < 4 else []
    if not (math.isfinite(signal) and math.isfinite(trace)):
        flags.append("nonfinite")
    elif signal <= 0.0 and trace <= 0.0:
        flags.append("interpolated")
    elif trace <= rounding * signal * n or trace <= 0.0:
        flags.append("zero_noise")
    return flags


def no_ratio(flags: list[str], level: float, method: str, n: int) -> Estimate | None:
    """The answer where the flags leave no ratio: ∞ without noise, NaN for 0/0 or what is not finite."""
    if "zero_noise" in flags:
        value = math.inf
    elif "interpolated" in flags or "nonfinite" in flags:
        value = math.nan
    else:
        return None
    return Estimate(value, math.nan, math.nan, level, method, n, (*flags, "no_interval"))


def largest_share(deviation: Array) -> tuple[float, bool]:
    """max |eᵢ|²/Σ|eᵢ|² of draws (n,), and whether Gaussian draws exceed it with probability below 0.1%.

    The bound is Bonferroni's over n with all noise on one axis, where (n/(n−1)) e²/Σe² is
    Beta(½, (n−2)/2); more axes only even the shares out. A single draw that outweighs the rest is what
    an infinite variance looks like at every n, so the test needs no tail fit; it has little power below
    n ≈ 20 and it also strikes at finite but heavy tails.
    """
    n = len(deviation)
    total = float(deviation.sum())
    if n < 4 or not math.isfinite(total) or total <= 0.0:
        return math.nan, False
    share = float(deviation.max()) / total
    bound = (n - 1) / n * float(betaincinv(0.5, 0.5 * (n - 2), 1 - _HEAVY_LEVEL / n))
    return share, share > bound
