"""The empirical characteristic function: index, agreement with a stable law, Gaussian null.

For a stable law y(u) = log(−log|φ(u)|) = const + α log u is a straight line. Sums of m independent rows have
|φ|^m: the line seen at m^{−1/α} times the frequency. So whether sums keep the index of the rows, over all
ways of grouping them at once, is whether y is straight.

A sample is (n, d): n independent rows, d columns. Leading axes hold many samples of one shape.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

Array = NDArray[np.float64]
# In units of the frequency at which |φ| = 1/e (Koutrouvelis, JASA 75, 1980, uses a like range).
FREQUENCIES = np.array([0.2, 0.4, 0.6, 0.8, 1.0])
_HIGHEST = 1.5
_LOWEST = 0.05
_CURVE_POINTS = 8
# Samples that differ from 1 at the lowest frequency, Σ|u x|^α, below which its error is far from normal.
_LEAST_EVENTS = 20.0
_LEAST_CURVE_ROWS = 30
_NULL_DRAWS = 199
# A null of more than this is had from one of this size: its mean moves as 1/n, its spread as 1/√(n d).
_NULL_SHAPE = (500, 16)


@dataclass(frozen=True)
class Line:
    """α of the rows, its standard error, and how far columns of a row move together (≥ 1); each (...,)."""

    alpha: Array
    error: Array
    design: Array


@dataclass(frozen=True)
class Straightness:
    """Curvature of y in log u over its error, and the chance of one as large under a stable law; (...,)."""

    z: Array
    p: Array


def quartiles(x: Array) -> Array:
    """Lower quartile, median and upper quartile of every column, (3, ..., d)."""
    return np.asarray(np.quantile(x, [0.25, 0.5, 0.75], axis=-2))


def spread(x: Array) -> Array:
    """Range of the middle half of every column, (..., d)."""
    quarters = quartiles(x)
    return np.asarray(quarters[2] - quarters[0])


def standardised(x: Array, quarters: Array | None = None) -> Array:
    """Columns (..., n, d) centred at the median and divided by the s with |φ_n(1/s)| = 1/e, to about 1e-3.

    Steps of slope 1.6 in log s converge for every α in [1, 2]. Secants or Newton's steps would follow the
    ripples that single large values put on φ_n. `quarters`: the quartiles of x, where they are known.
    """
    quarters = quartiles(x) if quarters is None else quarters
    x = x - quarters[1][..., None, :]
    start = np.log(1.5 / (quarters[2] - quarters[0]))
    at = start
    for _ in range(5):
        scaled = x * np.exp(at)[..., None, :]
        modulus = np.hypot(np.cos(scaled).mean(axis=-2), np.sin(scaled).mean(axis=-2))
        y = np.log(-np.log(np.clip(modulus, 1e-3, 1 - 1e-9)))
        at = np.clip(at - y / 1.6, start - 3.0, start + 3.0)
    return np.asarray(x * np.exp(at)[..., None, :])


@dataclass(frozen=True)
class _Curve:
    """y at each frequency (..., U), what each row adds to its error (..., n, U), and Σ of squares over values
    (..., U)."""

    y: Array
    rows: Array
    squares: Array


def _waves(x: Array, frequencies: Array) -> Iterator[tuple[Array, Array]]:
    """cos(u x) and sin(u x) for one frequency after another."""
    count = frequencies.shape[-1]
    angle = frequencies[..., 0, None, None] * x
    cosine, sine = c, s = np.cos(angle), np.sin(angle)
    yield c, s
    multiples = np.allclose(frequencies, frequencies[..., :1] * np.arange(1, count + 1), rtol=1e-12)
    for k in range(1, count):
        if multiples:
            # Turned by the first angle again, at a fraction of the time of two functions.
            c, s = c * cosine - s * sine, s * cosine + c * sine
        else:
            angle = frequencies[..., k, None, None] * x
            c, s = np.cos(angle), np.sin(angle)
        yield c, s


def _curve(x: Array, frequencies: Array) -> _Curve:
    """y(u) = log(−½ log q) with q the mean over columns of unbiased |φ|², so that phases do not matter;
    frequencies (U,) or (..., U).

    The error of y is to first order the mean over rows of `rows`.
    """
    *lead, n, d = x.shape
    count = frequencies.shape[-1]
    y, squares = np.empty((*lead, count)), np.empty((*lead, count))
    rows = np.empty((*lead, n, count))
    for k, (c, s) in enumerate(_waves(x, frequencies)):
        real, imaginary = c.mean(axis=-2, keepdims=True), s.mean(axis=-2, keepdims=True)
        modulus = real**2 + imaginary**2
        # E|φ_n|² = |φ|²(1 − 1/n) + 1/n.
        q = np.clip(((n * modulus - 1) / (n - 1)).mean(axis=(-2, -1)), 1e-12, 1 - 1e-12)
        y[..., k] = np.log(-0.5 * np.log(q))
        part = (real * c + imaginary * s - modulus) * (2 / (d * q * np.log(q)))[..., None, None]
        rows[..., k] = part.sum(axis=-1)
        squares[..., k] = (part**2).sum(axis=(-2, -1))
    return _Curve(y, rows, squares)


def _covariance(alpha: Array, u: Array) -> Array:
    """N Cov(y(u), y(v)) of a stable law: (½φ(u+v) + ½φ(u−v) − φ(u)φ(v))/(φ log φ)(u)/(φ log φ)(v).

    alpha (..., 1), u (..., U) → (..., U, U).
    """
    phi = np.exp(-(u**alpha))
    a, v, w = alpha[..., None], u[..., :, None], u[..., None, :]
    both = 0.5 * (np.exp(-((v + w) ** a)) + np.exp(-(np.abs(v - w) ** a)))
    scale = 1 / (phi * np.log(phi))
    return np.asarray(
        (both - phi[..., :, None] * phi[..., None, :]) * scale[..., :, None] * scale[..., None, :]
    )


@lru_cache(maxsize=1)
def _line_weights() -> Array:
    """c with α = c·y at the indices 0.50, 0.51, …, 1.95, by least squares weighted by y's errors there."""
    indices = np.arange(50, 196)[:, None] / 100
    weight = 1 / np.diagonal(_covariance(indices, FREQUENCIES[None]), axis1=-2, axis2=-1)
    t = np.log(FREQUENCIES)
    t = t - (weight @ t)[:, None] / weight.sum(axis=1, keepdims=True)
    return np.asarray(weight * t / (weight * t**2).sum(axis=1, keepdims=True))


def _fit(y: Array) -> tuple[Array, Array]:
    """α (...,) and its weights (..., U), once with those of α = 1.7 and then with those of its own index."""
    alpha = np.full(y.shape[:-1], 1.7)
    for _ in range(2):
        weights = _line_weights()[np.rint(100 * np.clip(alpha, 0.5, 1.95)).astype(int) - 50]
        alpha = (weights * y).sum(axis=-1)
    return alpha, weights


def line(x: Array) -> Line:
    """α of standardised columns (..., n, d).

    The scale of a column is measured on its own n values, which raises the slope by close to 0.6/n at every
    α in [1.2, 2] (simulated, n ≥ 64); that is taken off.
    """
    n = x.shape[-2]
    curve = _curve(x, FREQUENCIES)
    alpha, weights = _fit(curve.y)
    error = _row_error(curve.rows, weights)
    # How much more the rows vary than sums of independent columns would, at the middle frequencies.
    design = (curve.rows[..., 1:] ** 2).sum(axis=(-2, -1)) / curve.squares[..., 1:].sum(axis=-1)
    return Line(alpha - 0.6 / n, error, np.maximum(1.0, design))


def _row_error(rows: Array, weights: Array) -> Array:
    """Standard error of weights·y from what each row adds (..., n, U)."""
    n = rows.shape[-2]
    parts = (rows @ weights[..., None])[..., 0]
    return np.asarray(np.sqrt((parts**2).sum(axis=-1) / (n * (n - 1))))


def straightness(x: Array, alpha: Array) -> Straightness | None:
    """Curvature of y over two thirds of a decade to one and a half of frequencies; None for under 30 rows."""
    n, size = x.shape[-2], x.shape[-2] * x.shape[-1]
    if n < _LEAST_CURVE_ROWS:
        return None
    a = np.clip(np.asarray(alpha), 0.5, 1.999)[..., None]
    lowest = min(max(_LOWEST, (_LEAST_EVENTS / size) ** (1 / 1.5)), 0.3)
    # Where |φ|² of a column is six times the 1/n of its own noise.
    highest = np.minimum(_HIGHEST, (0.5 * math.log(n / 6)) ** (1 / a))
    u = lowest * (highest / lowest) ** np.linspace(0.0, 1.0, _CURVE_POINTS)
    curve = _curve(x, u)
    weight = 1 / np.diagonal(_covariance(np.minimum(a, 1.95), u), axis1=-2, axis2=-1)
    t = np.log(u)
    design = np.stack([np.ones_like(t), t, t**2], axis=-2)
    weighted = design * weight[..., None, :]
    weights = np.linalg.solve(weighted @ np.swapaxes(design, -1, -2), weighted)[..., 2, :]
    error = _row_error(curve.rows, weights)
    # Of the scales' errors, as in `line` (simulated).
    curvature = (weights * curve.y).sum(axis=-1) - (0.6 + 1.25 * (2 - a[..., 0])) / n
    # Samples without a large value show too small an error here, and they curve upwards.
    expected = (weights[..., None, :] @ _covariance(a, u) @ weights[..., None])[..., 0, 0]
    least = np.where(curvature > 0, np.sqrt(np.maximum(expected, 0.0) / size), 0.0)
    z = curvature / np.maximum(error, least)
    return Straightness(z, np.asarray(2 * stdtr(n - 1, -np.abs(z))))


def index_of_sums(x: Array, m: int, alpha: float) -> float:
    """α of sums of m rows of one sample, over all groupings: |φ|^m, u in units of where it is 1/e."""
    at = m ** (-1 / min(max(alpha, 0.5), 2.0))
    for _ in range(4):
        y = float(_curve(x, np.array([at])).y[0])
        at *= math.exp(-(y + math.log(m)) / min(max(alpha, 1.0), 2.0))
    return float(_fit(_curve(x, at * FREQUENCIES).y + math.log(m))[0])


@lru_cache(maxsize=64)
def _gaussian_null(n: int, columns: int) -> tuple[float, ...]:
    """Sorted indices of Gaussian samples of this shape."""
    rng = np.random.default_rng([n, columns])
    return tuple(
        sorted(float(line(standardised(rng.standard_normal((n, columns)))).alpha) for _ in range(_NULL_DRAWS))
    )


def gaussian_p_value(value: Array, n: int, columns: int, design: Array) -> Array:
    """Probability (...,) that Gaussian data (n, columns) give an index as low as `value`, from 199 samples.

    `design` widens the null where the columns depend on each other (`Line.design`).
    """
    rows, across = min(n, _NULL_SHAPE[0]), min(columns, _NULL_SHAPE[1])
    null = np.array(_gaussian_null(rows, across))
    mean = float(null.mean())
    width = np.sqrt(rows * across * np.asarray(design) / (n * columns))
    null = 2.0 + (mean - 2.0) * rows / n + (null - mean) * width[..., None]
    return np.asarray((1 + np.sum(null <= np.asarray(value)[..., None], axis=-1)) / (1 + _NULL_DRAWS))
