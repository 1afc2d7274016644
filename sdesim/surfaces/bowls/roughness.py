"""The roughness exponent of any loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError, failure
from sdesim.estimate import Estimate
from sdesim.kinds.numbers import Array, as_finite, as_reals, level_of, whole
from sdesim.kinds.spelling import short


def roughness_exponent(
    loss: Callable[[Array], Any],
    points: ArrayLike,
    lags: ArrayLike,
    *,
    directions: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Hurst exponent H of a loss, from how its second differences grow: S(r) ∝ r^{2H}.

    S(r) = E (f(x + ru) − 2f(x) + f(x − ru))²,   H = half the slope of log S against log r

    Second differences, unlike first ones, are blind to a constant slope, and tell exponents up to 2 apart:
    a twice differentiable loss has 2. At lags around a scale where the loss bends, the value describes that
    scale alone.

    Args:
        loss: (…, d) → (…).
        points: x (n, d), n at least 16.
        lags: r (k,), k at least 2, above 0.
        directions: u (n, d) unit vectors; random ones, drawn from ``seed``, without it.
        seed: of the directions.
        level: of the interval, by the jackknife over the points.

    Raises:
        SdesimError: if a shape does not fit or a lag is not above 0.

    Source: J. Istas, G. Lang, "Quadratic variations and estimation of the local Hölder index of a Gaussian
    process", Ann. Inst. H. Poincaré 33 (1997).
    """
    from scipy.special import stdtrit

    if not callable(loss):
        raise SdesimError(f"loss must be a function of points (n, d), got {short(loss)}")
    x, r = as_finite(points, "points"), as_finite(lags, "lags")
    level, seed = level_of(level), whole(seed, "seed", least=0)
    if x.ndim != 2 or len(x) < 16:
        raise SdesimError(f"points must be (n, d) with n at least 16, got shape {x.shape}")
    if r.ndim != 1 or len(r) < 2 or np.any(r <= 0) or len(np.unique(r)) < 2:
        raise SdesimError("lags must be at least two different numbers above 0")
    n = len(x)
    if directions is None:
        u = np.random.default_rng(seed).standard_normal(x.shape)
        u /= np.linalg.norm(u, axis=1, keepdims=True)
    else:
        u = as_finite(directions, "directions")
        if u.shape != x.shape:
            raise SdesimError(f"directions must be {x.shape}, got shape {u.shape}")

    def values(at: Array) -> Array:
        try:
            found = as_reals(loss(at), "loss")
        # Whatever a function of others raises.
        except Exception as error:
            raise SdesimError(f"loss fails on points {at.shape}: {failure(error)}") from error
        if found.shape != (n,):
            raise SdesimError(f"loss must give a number for each of {n} points, got shape {found.shape}")
        return found

    middle = values(x)
    squares = np.stack([(values(x + h * u) - 2.0 * middle + values(x - h * u)) ** 2 for h in r])
    if not np.all(squares.sum(axis=1) > squares.max(axis=1)):
        return Estimate(math.nan, math.nan, math.nan, level, "second-differences", n, ("no_variation",))
    log_r = np.log(r) - np.log(r).mean()
    weights = 0.5 * log_r / (log_r @ log_r)
    value = float(weights @ np.log(squares.mean(axis=1)))
    left_out = weights @ np.log((squares.sum(axis=1, keepdims=True) - squares) / (n - 1))
    error = math.sqrt((n - 1) * float(left_out.var()))
    half = float(stdtrit(n - 1, 0.5 + 0.5 * level)) * error
    return Estimate(
        value, value - half, value + half, level, "second-differences", n, details={"standard_error": error}
    )
