"""Density, distribution function, tails, their logarithms and quantiles of stable laws.

Every function takes arrays that broadcast with one another, parameters as in `parameters`. NaN in x or q
gives NaN. The error of each value is what `analysis/stable_reference` shows, where x of the standard law is
given in a form that is well conditioned: near α = 1 with β ≠ 0 that is S0. Logarithms stay accurate where
the number itself is below the least float64.

Sources: see `kernels.evaluation` and `kernels.quantiles`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import as_reals
from sdesim.stable.parameters import Array, Parameters, checked

DENSITY, RIGHT, LEFT = 0, 1, 2
# From so many points of one law on, its panels are used (see `kernels.panels`).
MANY = 4096


@refusing(SdesimError)
def pdf(
    x: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """Density at x.

    Args:
        x: points.
        alpha: stability index α in (0, 2].
        beta: skewness β in [−1, 1]; of no effect at α = 2.
        loc: location, that of ``parametrization``.
        scale: scale c > 0; the standard deviation is √2 c at α = 2.
        parametrization: "S1", scipy's default, or "S0", continuous in α.

    Raises:
        SdesimError: if a parameter is out of its range.
    """
    return _exp(logpdf(x, alpha, beta, loc, scale, parametrization))


@refusing(SdesimError)
def logpdf(
    x: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """Logarithm of the density at x; arguments as of `pdf`."""
    law = checked(alpha, beta, loc, scale, parametrization)
    return plain(_logarithms(x, law, DENSITY) - np.log(law.scale))


@refusing(SdesimError)
def cdf(
    x: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """P(X ≤ x); arguments as of `pdf`."""
    return _exp(logcdf(x, alpha, beta, loc, scale, parametrization))


@refusing(SdesimError)
def logcdf(
    x: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """log P(X ≤ x); arguments as of `pdf`."""
    return plain(_logarithms(x, checked(alpha, beta, loc, scale, parametrization), LEFT))


@refusing(SdesimError)
def sf(
    x: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """P(X > x); arguments as of `pdf`."""
    return _exp(logsf(x, alpha, beta, loc, scale, parametrization))


@refusing(SdesimError)
def logsf(
    x: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """log P(X > x); arguments as of `pdf`."""
    return plain(_logarithms(x, checked(alpha, beta, loc, scale, parametrization), RIGHT))


@refusing(SdesimError)
def ppf(
    q: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """x with P(X ≤ x) = q; NaN where q is not in [0, 1], the end of the support at 0 and at 1.

    Other arguments as of `pdf`.
    """
    return _quantiles(q, checked(alpha, beta, loc, scale, parametrization), left=True)


@refusing(SdesimError)
def isf(
    q: ArrayLike,
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
) -> Array:
    """x with P(X > x) = q, exact far in the right tail; otherwise as `ppf`."""
    return _quantiles(q, checked(alpha, beta, loc, scale, parametrization), left=False)


def plain(value: Array) -> Array:
    """A number where no array was given, as numpy's functions do."""
    return value[()] if value.ndim == 0 else value


def _exp(value: Array) -> Array:
    with np.errstate(under="ignore", over="ignore"):
        return np.exp(value)


def _flat(law: Parameters, *arrays: Array) -> tuple[tuple[int, ...], list[Array]]:
    """The common shape, and each array at full length."""
    try:
        whole = np.broadcast_arrays(*arrays, np.broadcast_to(0.0, law.shape))
    except ValueError:
        raise SdesimError(
            f"x of shape {arrays[0].shape} does not broadcast with parameters of shape {law.shape}"
        ) from None
    return whole[0].shape, [np.array(a, dtype=np.float64).ravel() for a in whole[:-1]]


def _logarithms(x: ArrayLike, law: Parameters, row: int) -> Array:
    """log f, log S or log F of the standard law at each x."""
    points = as_reals(x, "x")
    try:
        x0, x1 = law.standard(points)
    except ValueError:
        x0, x1 = points, points
    shape, (x0, x1, alpha, beta) = _flat(law, x0, x1, law.alpha, law.beta)
    out = np.empty((3, x0.size))
    if law.alpha.size == 1 and law.beta.size == 1 and law.alpha.flat[0] < 2.0 and x0.size >= MANY:
        _look_up(x0, x1, law, row, out[row])
    else:
        normal = alpha == 2.0
        some = bool(normal.any())
        if some:
            out[row, normal] = _normal(x0[normal], row)
        if not some:
            _evaluate(x0, x1, alpha, beta, out)
        elif not normal.all():
            rest = ~normal
            part = np.empty((3, int(rest.sum())))
            _evaluate(x0[rest], x1[rest], alpha[rest], beta[rest], part)
            out[row, rest] = part[row]
    if np.isinf(x0).any():
        from sdesim.stable.overflow import mend

        _, (given, loc, scale) = _flat(law, np.broadcast_to(points, shape), law.loc, law.scale)
        mend(out[row], x0, given, loc, scale, alpha, beta, row)
    return np.asarray(out[row].reshape(shape))


def _evaluate(x0: Array, x1: Array, alpha: Array, beta: Array, out: Array) -> None:
    from sdesim.stable.kernels.evaluation import evaluate

    evaluate(x0, x1, alpha, beta, out)


def _look_up(x0: Array, x1: Array, law: Parameters, row: int, out: Array) -> None:
    """Many points of one law, by its panels."""
    from sdesim.stable.kernels.panel_kernels import look_up
    from sdesim.stable.kernels.panels import CELLS, panels_of

    alpha, beta = float(law.alpha.flat[0]), float(law.beta.flat[0])
    p = panels_of(alpha, beta)
    table = p.density if row == DENSITY else p.tail
    look_up(
        x0, x1, p.s1, row, p.width, p.index, CELLS, p.starts, p.inverses, table, p.right, alpha, beta, out
    )


def _invert(lower: Array, upper: Array, law: Parameters, out: Array) -> None:
    """Many quantiles of one law, by its panels."""
    from sdesim.stable.kernels.panel_kernels import invert
    from sdesim.stable.kernels.panels import panels_of

    alpha, beta, shift = float(law.alpha.flat[0]), float(law.beta.flat[0]), float(law.shift.flat[0])
    p = panels_of(alpha, beta)
    table = (p.starts, p.inverses, p.tail, p.right, p.first)
    invert(lower, upper, p.s1, p.width, *table, alpha, beta, shift, out)


def _normal(x: Array, row: int) -> Array:
    """The law at α = 2: normal with variance 2."""
    from scipy.special import log_ndtr

    if row == DENSITY:
        return np.asarray(-0.25 * x * x - 0.5 * np.log(4.0 * np.pi))
    return np.asarray(log_ndtr((x if row == LEFT else -x) / np.sqrt(2.0)))


def _quantiles(q: ArrayLike, law: Parameters, left: bool) -> Array:
    from sdesim.stable.kernels.quantiles import solve

    given = as_reals(q, "q")
    shape, (share, alpha, beta, shift) = _flat(law, given, law.alpha, law.beta, law.shift)
    share = np.where((share >= 0.0) & (share <= 1.0), share, np.nan)
    with np.errstate(divide="ignore"):
        here, there = np.log(share), np.log1p(-share)
    lower, upper = (here, there) if left else (there, here)
    out = np.empty((2, share.size))
    inner = (alpha < 2.0) & (share > 0.0) & (share < 1.0)
    part = np.empty((2, int(inner.sum())))
    if law.alpha.size == 1 and law.beta.size == 1 and part.shape[1] >= MANY:
        _invert(lower[inner], upper[inner], law, part)
    else:
        solve(lower[inner], upper[inner], alpha[inner], beta[inner], shift[inner], part)
    out[:, inner] = part
    normal = (alpha == 2.0) & ~np.isnan(share)
    if normal.any():
        from scipy.special import ndtri

        sign = 1.0 if left else -1.0
        out[:, normal] = sign * np.sqrt(2.0) * ndtri(share[normal])
    out[:, np.isnan(share)] = np.nan
    low, high = ends(alpha, beta)
    for k, value in ((0, low), (1, high)):
        at = (share == (k if left else 1 - k)) & (alpha < 2.0)
        # x′ at a finite end is 0.
        out[1, at] = value[at]
        out[0, at] = value[at] - shift[at]
    x0, x1 = out.reshape(2, *shape)
    found = np.asarray(law.located(x0, x1))
    if (np.isinf(out[1]) & inner).any():
        from sdesim.stable.overflow import mend_quantiles

        _, (loc, scale) = _flat(law, np.broadcast_to(law.loc, shape), law.scale)
        flat = found.ravel()
        mend_quantiles(flat, out[1], lower, upper, loc, scale, alpha, beta)
        found = flat.reshape(shape)
    return plain(found)


def ends(alpha: Array, beta: Array) -> tuple[Array, Array]:
    """The ends of the support in x′: half a line where α < 1 and |β| = 1."""
    low = np.where((alpha < 1.0) & (beta == 1.0), 0.0, -np.inf)
    high = np.where((alpha < 1.0) & (beta == -1.0), 0.0, np.inf)
    return low, high
