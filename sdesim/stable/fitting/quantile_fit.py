"""Four parameters from five quantiles (McCulloch 1986), with the covariance that the quantiles give them.

ν_α = (q95 − q05)/(q75 − q25) and ν_β = (q95 + q05 − 2 q50)/(q95 − q05) depend on α and β only; scale and
location follow from the quartiles and the median. Instead of the source's tables, the law's own quantiles.

Source: J. McCulloch, "Simple consistent estimators of stable distribution parameters", Commun. Stat. 15
(1986).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdesim.stable.fitting.likelihood import ALPHA, BETA, HIGH, LEAST_ALPHA, LOC, LOW, SCALE

Array = NDArray[np.float64]
Quantile = Callable[[Array, float, float], Array]

PROBABILITIES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
_STEP = 1e-4
_STARTS = ((1.8, 0.0), (1.3, 0.0), (0.8, 0.0), (0.45, 0.0))


def measures(quantiles: Array) -> Array:
    """(log ν_α, ν_β, log(q75 − q25), q50) of five quantiles."""
    q05, q25, q50, q75, q95 = quantiles
    wide, narrow = q95 - q05, q75 - q25
    return np.array([math.log(wide / narrow), (q95 + q05 - 2.0 * q50) / wide, math.log(narrow), q50])


def quantile_fit(quantiles: Array, ppf: Quantile) -> Array:
    """θ = (α, β, log σ, δ) of S0 from the five quantiles of a sample, the nearest within the support.

    Args:
        quantiles: (5,) ascending, the quartiles apart.
        ppf: quantiles of the standard S0 law.
    """
    from scipy.optimize import least_squares

    target = measures(quantiles)

    def gap(at: Array) -> Array:
        return measures(ppf(PROBABILITIES, float(at[0]), float(at[1])))[:2] - target[:2]

    start = min(_STARTS, key=lambda at: float(np.abs(gap(np.array(at)))[0]))
    side = float(np.clip(2.0 * target[1], -0.9, 0.9))
    found = least_squares(
        gap, (start[0], side), bounds=([LEAST_ALPHA, -1.0], [2.0, 1.0]), diff_step=1e-5, xtol=1e-8, ftol=1e-8,
        gtol=1e-8, max_nfev=50,
    ).x  # fmt: skip
    theta = np.zeros(4)
    theta[ALPHA], theta[BETA] = found
    own = measures(ppf(PROBABILITIES, float(found[0]), float(found[1])))
    theta[SCALE] = target[2] - own[2]
    theta[LOC] = target[3] - math.exp(theta[SCALE]) * own[3]
    return theta


def quantile_covariance(theta: Array, n: int, ppf: Quantile, density: Quantile) -> Array:
    """Covariance (4, 4) of `quantile_fit`, from that of quantiles, (min(p, r) − p r)/(n f(x_p) f(x_r)).

    Args:
        density: log f of the standard S0 law.
    """
    alpha, beta, sigma = float(theta[ALPHA]), float(theta[BETA]), math.exp(theta[SCALE])

    def located(at: Array) -> Array:
        return np.asarray(
            at[LOC] + math.exp(at[SCALE]) * ppf(PROBABILITIES, float(at[ALPHA]), float(at[BETA]))
        )

    quantiles = located(theta)
    density_there = np.exp(density((quantiles - theta[LOC]) / sigma, alpha, beta)) / sigma
    p = PROBABILITIES
    spread = (np.minimum(p[:, None], p) - p[:, None] * p) / (n * np.outer(density_there, density_there))
    by_quantile = _jacobian(measures, quantiles, _STEP * (quantiles[3] - quantiles[1]))
    by_theta = np.empty((4, 4))
    for k in range(4):
        up, down = theta.copy(), theta.copy()
        step = _STEP * (sigma if k == LOC else 1.0)
        up[k], down[k] = min(theta[k] + step, HIGH[k]), max(theta[k] - step, LOW[k])
        by_theta[:, k] = (measures(located(up)) - measures(located(down))) / (up[k] - down[k])
    carried = np.linalg.pinv(by_theta, rcond=1e-10) @ by_quantile
    return np.asarray(carried @ spread @ carried.T)


def _jacobian(function: Callable[[Array], Array], at: Array, step: float) -> Array:
    columns = []
    for k in range(at.size):
        up, down = at.copy(), at.copy()
        up[k] += step
        down[k] -= step
        columns.append((function(up) - function(down)) / (2.0 * step))
    return np.stack(columns, axis=1)
