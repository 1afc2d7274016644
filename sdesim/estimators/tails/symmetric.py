"""What the estimators need of symmetric stable laws, without scipy.stats: quantile ratios, density, draws."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
# (q95 − q05)/(q75 − q25) of the symmetric stable law, from its characteristic function exp(−|u|^α).
_INDICES = np.linspace(2.0, 0.5, 31)
_RATIOS = np.array([
    2.4387, 2.4733, 2.5128, 2.5580, 2.6099, 2.6699, 2.7394, 2.8201, 2.9140, 3.0232, 3.1498, 3.2964, 3.4656,
    3.6609, 3.8865, 4.1475, 4.4509, 4.8054, 5.2229, 5.7187, 6.3138, 7.0369, 7.9285, 9.0470, 10.4791, 12.3575,
    14.8938, 18.4396, 23.6122, 31.5656, 44.6351,
])  # fmt: skip
_LEAST_ALPHA = 0.5
_STEP, _COUNT = 0.01, 2**15
# Steps of the differences that give the information; wide, as the density is interpolated.
_ALPHA_STEP, _SCALE_STEP = 0.02, 0.05


def mcculloch_index(x: Array) -> float:
    """α from the ratio of quantile ranges (McCulloch, Commun. Stat. 15, 1986), β = 0.

    Ratios below the Gaussian one continue the table's last slope, so that the value is not clipped at 2.
    """
    q = np.quantile(x, [0.05, 0.25, 0.75, 0.95])
    ratio = math.log((q[3] - q[0]) / (q[2] - q[1]))
    logs = np.log(_RATIOS)
    if ratio < logs[0]:
        return float(2.0 + (logs[0] - ratio) * 0.05 / (logs[1] - logs[0]))
    return float(np.interp(ratio, logs, _INDICES))


@lru_cache(maxsize=256)
def _log_density(alpha: float) -> Array:
    """Log of the symmetric density at 0, 0.01, …, by the cosine transform of exp(−u^α)."""
    u = (np.arange(_COUNT) + 0.5) * (math.pi / (_COUNT * _STEP))
    # A midpoint rule in u is a type-3 like cosine sum; the direct FFT of the mirrored samples gives it.
    wave = np.fft.fft(np.exp(-(u**alpha)), 2 * _COUNT)[:_COUNT]
    values = np.real(wave * np.exp(-0.5j * math.pi * np.arange(_COUNT) / _COUNT)) / (_COUNT * _STEP)
    return np.asarray(np.log(np.maximum(values, 1e-300)))


def log_likelihood(size: Array, alpha: float) -> Array:
    """log f_α of each of |x|, with three terms of the power series beyond the grid."""
    alpha = round(alpha, 5)
    edge = 20.0 if alpha < 2.0 else 10.0
    inside = np.interp(size, _STEP * np.arange(_COUNT), _log_density(alpha))
    far = size > edge
    if not far.any():
        return np.asarray(inside)
    tail = size[far]
    if alpha >= 2.0:
        inside[far] = -0.25 * tail**2 - 0.5 * math.log(4 * math.pi)
        return np.asarray(inside)
    first = math.gamma(alpha + 1) * math.sin(0.5 * math.pi * alpha) / math.pi
    second = -0.5 * math.gamma(2 * alpha + 1) * math.sin(math.pi * alpha) / math.pi
    third = math.gamma(3 * alpha + 1) * math.sin(1.5 * math.pi * alpha) / (6 * math.pi)
    series = first + second * tail**-alpha + third * tail ** (-2 * alpha)
    inside[far] = np.log(series) - (1 + alpha) * np.log(tail)
    return np.asarray(inside)


def symmetric_fit(x: Array) -> tuple[float, float]:
    """Maximum-likelihood α in [0.5, 2] of centred x (n, d) of scale about 1, and its standard error.

    The scale is profiled out. The error is that of the sandwich, with the scores summed over a row.
    """
    from scipy.optimize import minimize_scalar

    size = np.abs(x)
    flat = size.ravel()
    best = [0.0]

    def profile(alpha: float) -> float:
        def cost(log_scale: float) -> float:
            return float(log_scale - log_likelihood(flat * math.exp(-log_scale), alpha).mean())

        around = (best[0] - 0.5, best[0] + 0.5)
        found = minimize_scalar(cost, bounds=around, method="bounded", options={"xatol": 1e-4})
        best[0] = float(found.x)
        return float(found.fun)

    found = minimize_scalar(profile, bounds=(_LEAST_ALPHA, 2.0), method="bounded", options={"xatol": 1e-4})
    alpha = float(found.x)
    if alpha > 1.995 and profile(2.0) <= found.fun:
        alpha = 2.0
    profile(alpha)
    middle = min(max(alpha, _LEAST_ALPHA + _ALPHA_STEP), 2.0 - _ALPHA_STEP)
    shifts = (-1, 0, 1)
    logs = {
        (i, j): log_likelihood(size * math.exp(-best[0] - j * _SCALE_STEP), middle + i * _ALPHA_STEP)
        - j * _SCALE_STEP
        for i in shifts
        for j in shifts
    }
    scores = np.stack([
        (logs[1, 0] - logs[-1, 0]).sum(axis=1) / (2 * _ALPHA_STEP),
        (logs[0, 1] - logs[0, -1]).sum(axis=1) / (2 * _SCALE_STEP),
    ])  # fmt: skip
    total = {at: float(values.sum()) for at, values in logs.items()}
    cross = (total[1, 1] - total[1, -1] - total[-1, 1] + total[-1, -1]) / (4 * _ALPHA_STEP * _SCALE_STEP)
    information = -np.array([
        [(total[1, 0] - 2 * total[0, 0] + total[-1, 0]) / _ALPHA_STEP**2, cross],
        [cross, (total[0, 1] - 2 * total[0, 0] + total[0, -1]) / _SCALE_STEP**2],
    ])  # fmt: skip
    inverse = np.linalg.inv(information)
    return alpha, math.sqrt(max(float((inverse @ scores @ scores.T @ inverse)[0, 0]), 0.0))


def symmetric_draws(alpha: float, shape: tuple[int, int], rng: np.random.Generator) -> Array:
    """Isotropic stable rows (n, d), cf exp(−‖u‖₂^α): Gaussian times √(2A), A by Kanter's formula."""
    gaussian = rng.standard_normal(shape)
    if alpha == 2.0:
        return math.sqrt(2.0) * gaussian
    a = 0.5 * alpha
    v = math.pi * (1 - rng.random(shape[0]))
    e = rng.standard_exponential(shape[0])
    mixing = np.sin(a * v) / np.sin(v) ** (1 / a) * (np.sin((1 - a) * v) / e) ** ((1 - a) / a)
    return np.asarray(np.sqrt(2 * mixing)[:, None] * gaussian)
