"""The empirical characteristic function: index, agreement with a stable law, Gaussian null.

For a stable law y(u) = log(−log|φ(u)|) = const + α log u is a straight line. Sums of m independent rows have
|φ|^m: the line seen at m^{−1/α} times the frequency. So whether sums keep the index of the rows, over all
ways of grouping them at once, is whether y is straight.
"""

from __future__ import annotations

import math
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
    """α of the rows: value, its standard error, and how far columns of a row move together (≥ 1)."""

    alpha: float
    error: float
    design: float


@dataclass(frozen=True)
class Straightness:
    """Curvature of y in log u over its error, and the probability of one as large under a stable law."""

    z: float
    p: float


def spread(x: Array) -> Array:
    """Range of the middle half of every column."""
    quarters = np.quantile(x, [0.25, 0.75], axis=0)
    return np.asarray(quarters[1] - quarters[0])


def standardised(x: Array) -> Array:
    """Columns (n, d) centred at the median and divided by the s with |φ_n(1/s)| = 1/e, to about 1e-3.

    Steps of slope 1.6 in log s converge for every α in [1, 2]. Secants or Newton's steps would follow the
    ripples that single large values put on φ_n.
    """
    x = x - np.median(x, axis=0)
    start = np.log(1.5 / spread(x))
    at = start
    for _ in range(5):
        u = np.exp(at)
        modulus = np.hypot(np.cos(x * u).mean(axis=0), np.sin(x * u).mean(axis=0))
        y = np.log(-np.log(np.clip(modulus, 1e-3, 1 - 1e-9)))
        at = np.clip(at - y / 1.6, start - 3.0, start + 3.0)
    return np.asarray(x * np.exp(at))


@dataclass(frozen=True)
class _Curve:
    """y at each frequency (U,), what each row adds to its error (n, U), and Σ of squares over values (U,)."""

    y: Array
    rows: Array
    squares: Array


def _curve(x: Array, frequencies: Array) -> _Curve:
    """y(u) = log(−½ log q) with q the mean over columns of unbiased |φ|², so that phases do not matter.

    The error of y is to first order the mean over rows of `rows`.
    """
    n, d = x.shape
    y = np.empty(len(frequencies))
    rows = np.empty((n, len(frequencies)))
    squares = np.zeros(len(frequencies))
    for k, u in enumerate(frequencies):
        c, s = np.cos(u * x), np.sin(u * x)
        real, imaginary = c.mean(axis=0), s.mean(axis=0)
        modulus = real**2 + imaginary**2
        # E|φ_n|² = |φ|²(1 − 1/n) + 1/n.
        q = min(max(float(((n * modulus - 1) / (n - 1)).mean()), 1e-12), 1 - 1e-12)
        y[k] = math.log(-0.5 * math.log(q))
        part = (real * c + imaginary * s - modulus) * (2 / (d * q * math.log(q)))
        rows[:, k] = part.sum(axis=1)
        squares[k] = float((part**2).sum())
    return _Curve(y, rows, squares)


def _covariance(alpha: float, u: Array) -> Array:
    """N Cov(y(u), y(v)) of a stable law: (½φ(u+v) + ½φ(u−v) − φ(u)φ(v))/(φ log φ)(u)/(φ log φ)(v)."""
    phi = np.exp(-(u**alpha))
    both = 0.5 * (np.exp(-((u[:, None] + u) ** alpha)) + np.exp(-(np.abs(u[:, None] - u) ** alpha)))
    scale = 1 / (phi * np.log(phi))
    return np.asarray((both - phi[:, None] * phi) * scale[:, None] * scale)


@lru_cache(maxsize=4096)
def _line_weights(alpha: float) -> Array:
    """c with α = c·y, by least squares weighted by the errors that y has at this index."""
    weight = 1 / np.diag(_covariance(alpha, FREQUENCIES))
    t = np.log(FREQUENCIES)
    t = t - (weight @ t) / weight.sum()
    return np.asarray(weight * t / (weight @ t**2))


def _fit(y: Array) -> tuple[float, Array]:
    alpha = 1.7
    for _ in range(2):
        # Rounded, so that weights are computed once for an index.
        weights = _line_weights(round(min(max(alpha, 0.5), 1.95), 2))
        alpha = float(weights @ y)
    return alpha, weights


def line(x: Array) -> Line:
    """α of standardised columns (n, d).

    The scale of a column is measured on its own n values, which raises the slope by close to 0.6/n at every
    α in [1.2, 2] (simulated, n ≥ 64); that is taken off.
    """
    n = len(x)
    curve = _curve(x, FREQUENCIES)
    alpha, weights = _fit(curve.y)
    rows = curve.rows @ weights
    # How much more the rows vary than sums of independent columns would, at the middle frequencies.
    design = float((curve.rows**2).sum(axis=0)[1:].sum() / curve.squares[1:].sum())
    return Line(alpha - 0.6 / n, math.sqrt(float(rows @ rows) / (n * (n - 1))), max(1.0, design))


def straightness(x: Array, alpha: float) -> Straightness | None:
    """Curvature of y over two thirds of a decade to one and a half of frequencies; None for under 30 rows."""
    n, size = len(x), x.size
    if n < _LEAST_CURVE_ROWS:
        return None
    alpha = min(max(alpha, 0.5), 1.999)
    lowest = max(_LOWEST, (_LEAST_EVENTS / size) ** (1 / 1.5))
    # Where |φ|² of a column is six times the 1/n of its own noise.
    highest = min(_HIGHEST, (0.5 * math.log(n / 6)) ** (1 / alpha))
    u = np.geomspace(min(lowest, 0.3), highest, _CURVE_POINTS)
    curve = _curve(x, u)
    expected = _covariance(alpha, u)
    weight = 1 / np.diag(_covariance(min(alpha, 1.95), u))
    t = np.log(u)
    design = np.stack([np.ones_like(t), t, t**2])
    weights = np.linalg.solve((design * weight) @ design.T, design * weight)[2]
    rows = curve.rows @ weights
    error = math.sqrt(float(rows @ rows) / (n * (n - 1)))
    # Of the scales' errors, as in `line` (simulated).
    curvature = float(weights @ curve.y) - (0.6 + 1.25 * (2 - alpha)) / n
    if curvature > 0:
        # Samples without a large value show too small an error here, and they curve this way.
        error = max(error, math.sqrt(float(weights @ expected @ weights) / size))
    z = curvature / error
    return Straightness(z, float(2 * stdtr(n - 1, -abs(z))))


def index_of_sums(x: Array, m: int, alpha: float) -> float:
    """α of sums of m rows, over all groupings: |φ|^m in units of the frequency where it is 1/e."""
    at = m ** (-1 / min(max(alpha, 0.5), 2.0))
    for _ in range(4):
        y = float(_curve(x, np.array([at])).y[0])
        at *= math.exp(-(y + math.log(m)) / min(max(alpha, 1.0), 2.0))
    return _fit(_curve(x, at * FREQUENCIES).y + math.log(m))[0]


@lru_cache(maxsize=64)
def _gaussian_null(n: int, columns: int) -> tuple[float, ...]:
    """Sorted indices of Gaussian samples of this shape."""
    rng = np.random.default_rng([n, columns])
    return tuple(
        sorted(line(standardised(rng.standard_normal((n, columns)))).alpha for _ in range(_NULL_DRAWS))
    )


def gaussian_p_value(value: float, n: int, columns: int, design: float = 1.0) -> float:
    """Probability that Gaussian data (n, columns) give an index as low as `value`, from 199 samples.

    `design` widens the null where the columns depend on each other (`Line.design`).
    """
    rows, across = min(n, _NULL_SHAPE[0]), min(columns, _NULL_SHAPE[1])
    null = np.array(_gaussian_null(rows, across))
    mean = float(null.mean())
    width = math.sqrt(rows * across * design / (n * columns))
    null = 2.0 + (mean - 2.0) * rows / n + (null - mean) * width
    return float((1 + np.sum(null <= value)) / (1 + _NULL_DRAWS))
