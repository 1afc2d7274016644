"""What the estimators need of symmetric stable laws: quantile ratios, a fit of α, draws."""

from __future__ import annotations

import math

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
_LEAST_START, _MOST_START = 0.5, 1.98


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


def symmetric_fit(x: Array) -> tuple[float, float]:
    """Maximum-likelihood α in [0.2, 2] of centred x (n, d) of scale about 1, and its standard error.

    The scale is profiled out. The error is that of the sandwich, with the scores summed over a row.
    """
    from sdesim import stable
    from sdesim.stable.fitting.compression import compress
    from sdesim.stable.fitting.likelihood import ALPHA, SCALE, Likelihood, information, maximise

    def density(z: Array, alpha: float, beta: float) -> Array:
        return np.asarray(stable.logpdf(z, alpha, beta, parametrization="S0"))

    held = np.array([False, True, False, True])
    sample = compress(np.sort(x, axis=None))
    start = np.array([min(max(mcculloch_index(x), _LEAST_START), _MOST_START), 0.0, 0.0, 0.0])
    at = maximise(Likelihood(sample.points, sample.weights, density), start, held)
    theta = at.theta.copy()
    # At the end itself the scores have no variance.
    theta[ALPHA] = min(theta[ALPHA], _MOST_START)
    values = Likelihood(x.ravel(), np.ones(x.size), density).scores(theta, held)[:, [ALPHA, SCALE]]
    inverse = np.linalg.inv(information(values, np.ones(len(values))))
    rows = values.reshape(*x.shape, 2).sum(axis=1)
    return float(at.theta[ALPHA]), math.sqrt(float((inverse @ rows.T @ rows @ inverse)[0, 0]))


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
