"""What every form of C is made of: n draws reduced to |ḡ|², |eᵢ|² and eᵢ·ḡ, with eᵢ = gᵢ − ḡ.

Working with the centred draws keeps Tr Σ̂ exact to rounding where |ḡ|² is far larger than it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.kinds.numbers import level_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
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


def matrix(gradients: ArrayLike, rows: int = 2, leading: bool = False) -> NDArray[np.floating]:
    """Gradients as they are, (n, d), or with `leading` (..., n, d), without a copy of floats.

    Raises:
        EstimatorError: not of that shape, or fewer than `rows` rows.
    """
    g = np.asarray(gradients)
    if g.ndim < 2 or (g.ndim > 2 and not leading):
        raise EstimatorError(
            f"gradients must have shape {'(..., n, d)' if leading else '(n, d)'}, got {g.shape}"
        )
    if g.shape[-2] < rows:
        raise EstimatorError(f"at least {rows} gradients are needed for a covariance, got {g.shape[-2]}")
    return g if np.issubdtype(g.dtype, np.floating) else g.astype(np.float64)


def check_level(level: float) -> None:
    """Raises EstimatorError unless 0 < level < 1."""
    level_of(level, error=EstimatorError)


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
    """Draws of gradients (..., n, d); one pass over memory, and another for the Gram matrix of (n, d)."""
    if g.ndim > 2:
        return _draws_of_places(g)
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


def _draws_of_places(g: NDArray[np.floating]) -> Draws:
    """Draws of gradients (..., n, d): as many places at once as a block holds."""
    *lead, n, d = g.shape
    cells = g.reshape(math.prod(lead), n, d)
    signal, deviation, along = np.empty(len(cells)), np.empty((len(cells), n)), np.empty((len(cells), n))
    step = max(1, BLOCK // max(1, n * d))
    for start in range(0, len(cells), step):
        at = slice(start, start + step)
        if step == 1:
            one = draws_of_gradients(cells[start])
            signal[at], deviation[at], along[at] = one.signal, one.deviation, one.along
            continue
        mean = np.add.reduce(cells[at], axis=1, dtype=np.float64) / n
        with np.errstate(invalid="ignore"):
            e = np.subtract(cells[at], mean[:, None])
        signal[at] = np.einsum("kj,kj->k", mean, mean)
        deviation[at] = np.einsum("kij,kij->ki", e, e)
        along[at] = np.einsum("kij,kj->ki", e, mean)
    return Draws(signal.reshape(lead), deviation.reshape(*lead, n), along.reshape(*lead, n))


def draws_of_numbers(norm2: ArrayLike, dot_mean: ArrayLike) -> Draws:
    """Draws from |gᵢ|² and gᵢ·ḡ, both (..., n)."""
    q = np.asarray(norm2, dtype=np.float64)
    dot = np.asarray(dot_mean, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        signal = dot.mean(axis=-1)
        deviation, along = q - 2 * dot + signal[..., None], dot - signal[..., None]
    return Draws(signal, deviation, along, rounding=_ROUNDING_OF_NUMBERS)


def debiased(signal: Array, trace: Array, n: int | float | Array, f: float) -> Array:
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


def noise_masks(
    signal: ArrayLike, trace: ArrayLike, n: ArrayLike, rounding: float = _ROUNDING
) -> dict[str, Mask]:
    """Flags of the two sums of n draws, (...,): n_too_small, nonfinite, interpolated (0/0), zero_noise."""
    s, t = np.broadcast_arrays(np.asarray(signal, np.float64), np.asarray(trace, np.float64))
    nonfinite = ~(np.isfinite(s) & np.isfinite(t))
    interpolated = ~nonfinite & (s <= 0.0) & (t <= 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        noiseless = (t <= rounding * s * np.asarray(n)) | (t <= 0.0)
    return {
        "n_too_small": np.broadcast_to(np.asarray(n) < 4, s.shape),
        "nonfinite": nonfinite,
        "interpolated": interpolated,
        "zero_noise": noiseless & ~nonfinite & ~interpolated,
    }


def where_known(
    masks: Mapping[str, Mask], value: Array, low: Array, high: Array
) -> tuple[Array, Array, Array]:
    """C and its ends, all (...,), with ∞ in place of a ratio without noise and NaN for 0/0 or what is not
    finite."""
    unknown = masks["interpolated"] | masks["nonfinite"]
    none = unknown | masks["zero_noise"]
    found = np.where(masks["zero_noise"], np.inf, np.where(unknown, np.nan, value))
    return found, np.where(none, np.nan, low), np.where(none, np.nan, high)


def noise_flags(signal: float, trace: float, n: int, rounding: float = _ROUNDING) -> list[str]:
    """The names of `noise_masks` at one place."""
    return [name for name, mask in noise_masks(signal, trace, n, rounding).items() if mask]


def no_ratio(flags: list[str], level: float, method: str, n: int) -> Estimate | None:
    """The answer where the flags leave no ratio: ∞ without noise, NaN for 0/0 or what is not finite."""
    if "zero_noise" in flags:
        value = math.inf
    elif "interpolated" in flags or "nonfinite" in flags:
        value = math.nan
    else:
        return None
    return Estimate(value, math.nan, math.nan, level, method, n, (*flags, "no_interval"))


def largest_share(deviation: Array) -> tuple[Array, Mask]:
    """max |eᵢ|²/Σ|eᵢ|² of draws (..., n), and whether Gaussian draws exceed it with probability below 0.1%.

    The bound is Bonferroni's over n with all noise on one axis, where (n/(n−1)) e²/Σe² is
    Beta(½, (n−2)/2); more axes only even the shares out. A single draw that outweighs the rest is what
    an infinite variance looks like at every n, so the test needs no tail fit; it has little power below
    n ≈ 20 and it also strikes at finite but heavy tails.
    """
    n = deviation.shape[-1]
    total = np.asarray(deviation.sum(axis=-1))
    if n < 4:
        return np.full(total.shape, np.nan), np.zeros(total.shape, dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(np.isfinite(total) & (total > 0.0), deviation.max(axis=-1) / total, np.nan)
    bound = (n - 1) / n * float(betaincinv(0.5, 0.5 * (n - 2), 1 - _HEAVY_LEVEL / n))
    return share, share > bound
