"""Elliptical (sub-Gaussian) stable laws in d dimensions.

    E e^{i u·X} = exp(−(uᵀQu)^{α/2} + i u·loc),     X = loc + √(2A) G,  G ~ N(0, Q),

A positive α/2-stable with E e^{−sA} = e^{−s^{α/2}}. At α = 2 the law is normal with covariance 2Q, at α = 1
Cauchy's; in one dimension it is the symmetric stable law of scale √Q. The density is that of the mixture,

    p(x) = |Q|^{−1/2} ∫ (4πa)^{−d/2} e^{−r²/(4a)} f_A(a) da,     r² = (x − loc)ᵀ Q⁻¹ (x − loc),

an integral of positive terms, which keeps its relative accuracy however far in the tail.

Source: G. Samorodnitsky, M. Taqqu, Stable Non-Gaussian Random Processes (1994), §2.5; J. Nolan, "Multivariate
elliptically contoured stable distributions", Comput. Stat. 28 (2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.border import refusing
from sdesim.kinds.numbers import as_reals, finite
from sdesim.stable.panels_of_many import by_panels
from sdesim.stable.sampling.asked import key_of, shape_of

Array = NDArray[np.float64]

LEAST_ALPHA = 0.2
_NODES = 16
# A panel's length, as a share of a and of the width over which f_A varies.
_SHARE = 0.5
# Terms e^{-60} below the largest are left out.
_NEGLIGIBLE = 60.0
_EXPONENT = 700.0
_CHUNK = 2**21
# Panels in arsinh r of the radial density, and from how many points on they are used.
_RADIAL_WIDTH, _MANY = 0.5, 300


@dataclass(frozen=True, eq=False)
class Elliptical:
    """An elliptical stable law.

    Attributes:
        alpha: α in [0.2, 2].
        shape: Q (d, d), symmetric and positive definite.
        loc: (d,).
    """

    alpha: float
    shape: Array
    loc: Array

    @property
    def dim(self) -> int:
        """d."""
        return int(self.loc.size)

    @cached_property
    def _root(self) -> Array:
        return np.asarray(np.linalg.cholesky(self.shape))

    def radius(self, x: ArrayLike) -> Array:
        """√((x − loc)ᵀ Q⁻¹ (x − loc)) of points (..., d), (...,)."""
        points = self._points(x)
        flat = (points - self.loc).reshape(-1, self.dim)
        with np.errstate(over="ignore", invalid="ignore"):
            found = np.linalg.norm(np.linalg.solve(self._root, flat.T), axis=0)
        return np.asarray(found).reshape(points.shape[:-1])

    def logpdf(self, x: ArrayLike) -> Array:
        """Log density at points (..., d), (...,); NaN where the square of the radius is beyond float64."""
        r = self.radius(x)
        volume = float(np.log(np.diagonal(self._root)).sum())
        known = np.isfinite(r)
        found = np.where(np.isinf(self._points(x)).any(axis=-1), -math.inf, math.nan)
        found[known] = radial(r[known], self.alpha, self.dim)[0] - volume
        return np.asarray(found)

    def pdf(self, x: ArrayLike) -> Array:
        """Density at points (..., d), (...,)."""
        return np.asarray(np.exp(self.logpdf(x)))

    def rvs(self, size: int | tuple[int, ...] = 1, seed: Any = None, random_state: Any = None) -> Array:
        """Draws (*size, d); of one seed, the first ones are the same whatever their number.

        Args:
            size: shape of the draws.
            seed: as that of `sdesim.stable.rvs`.
            random_state: scipy's name of ``seed``.

        Raises:
            SdesimError: size is not a shape, or seed no whole number from 0 to 2⁶⁴ − 1.
        """
        whole = shape_of(size)
        from sdesim.stable.sampling.radii import isotropic

        drawn = isotropic(key_of(seed, random_state), math.prod(whole), self.dim, self.alpha) @ self._root.T
        return np.asarray((self.loc + drawn).reshape(*whole, self.dim))

    def _points(self, x: ArrayLike) -> Array:
        points = as_reals(x, "x")
        if points.ndim == 0 or points.shape[-1] != self.dim:
            raise SdesimError(f"x: found shape {points.shape}, allowed: (..., {self.dim})")
        return points

    def __repr__(self) -> str:
        return f"<Elliptical stable law: alpha={self.alpha:g}, dim={self.dim}>"


@refusing(SdesimError)
def multivariate(alpha: float, shape: ArrayLike, loc: ArrayLike | None = None) -> Elliptical:
    """The elliptical stable law with index α, shape matrix Q and centre loc.

    Args:
        alpha: α in [0.2, 2].
        shape: Q (d, d), or its diagonal (d,), or a number for d = 1.
        loc: (d,), default 0.

    Raises:
        SdesimError: a value out of its range, Q not symmetric or not positive definite, sizes that differ.
    """
    index = finite(alpha, "alpha")
    q = np.atleast_1d(as_reals(shape, "shape"))
    q = np.diag(q) if q.ndim == 1 else q
    if not LEAST_ALPHA <= index <= 2.0:
        raise SdesimError(f"alpha must be in [{LEAST_ALPHA}, 2], got {index:g}")
    if q.ndim != 2 or q.shape[0] != q.shape[1] or not q.size or not np.isfinite(q).all():
        raise SdesimError(f"shape: found an array {q.shape}, allowed: finite numbers (d, d) or (d,)")
    if not np.allclose(q, q.T, rtol=1e-12, atol=0.0):
        raise SdesimError("shape: found a matrix that is not symmetric, allowed: symmetric")
    if float(np.linalg.eigvalsh(q)[0]) <= 0:
        raise SdesimError("shape: found a matrix that is not positive definite, allowed: positive definite")
    centre = np.zeros(q.shape[0]) if loc is None else np.atleast_1d(as_reals(loc, "loc"))
    if centre.shape != (q.shape[0],) or not np.isfinite(centre).all():
        raise SdesimError(f"loc: found shape {centre.shape}, allowed: finite numbers ({q.shape[0]},)")
    return Elliptical(index, q, centre)


def radial(r: Array, alpha: float, dim: int) -> tuple[Array, Array]:
    """log p(r) of the unit law (Q the identity) and E[1/(2A) | r] = −2 ∂ log p/∂r², both (n,).

    Of many points by Chebyshev panels in arsinh r, to about 1e-11.
    """
    if alpha == 2.0:
        return -0.25 * r * r - 0.5 * dim * math.log(4.0 * math.pi), np.full(r.shape, 0.5)
    if r.size <= _MANY:
        return _direct(r, alpha, dim)

    def logarithms(t: Array) -> Array:
        density, weight = _direct(np.sinh(t), alpha, dim)
        return np.stack([density, np.log(weight)])

    density, weight = by_panels(logarithms, np.arcsinh(r), _RADIAL_WIDTH)
    return density, np.exp(weight)


def _direct(r: Array, alpha: float, dim: int) -> tuple[Array, Array]:
    """`radial` by the integral at each point."""
    far = float(r.max()) if r.size else 1.0
    a, log_mass = _mixture(alpha, math.ceil(math.log(max(far, 1.0)) / 5.0))
    base = log_mass - 0.5 * dim * np.log(4.0 * math.pi * a)
    density, weight = np.empty(r.size), np.empty(r.size)
    rows = max(1, _CHUNK // a.size)
    for start in range(0, r.size, rows):
        part = slice(start, start + rows)
        exponent = base - r[part, None] ** 2 / (4.0 * a)
        top = exponent.max(axis=1)
        terms = np.exp(exponent - top[:, None])
        total = terms.sum(axis=1)
        density[part] = top + np.log(total)
        weight[part] = (terms @ (0.5 / a)) / total
    return density, weight


@lru_cache(maxsize=64)
def _mixture(alpha: float, reach: int) -> tuple[Array, Array]:
    """Nodes a (m,) and log of f_A(a) da there, for radii up to e^{5 reach}.

    Gauss–Legendre panels no longer than half of a, nor half of the width over which f_A varies: that of
    c √(1 + z²), a = c (z + tan(πα/4)), c the scale of the S1 law that A has.
    """
    from sdesim import stable

    index = 0.5 * alpha
    rest = 1.0 - index
    half = 0.5 * math.pi * index
    # cos(πα/4), from its complement where that is small.
    cosine = math.sin(0.5 * math.pi * rest) if index > 0.5 else math.cos(half)
    scale = cosine ** (1.0 / index)
    tangent = math.tan(half) if index < 0.5 else math.sin(half) / cosine
    # f_A(a) ~ exp(−B a^{−index/rest}) for a → 0.
    steepness = rest * index ** (index / rest)
    start = (steepness / _EXPONENT) ** (rest / index)
    # Far tails: a^{−index − d/2 − 1} e^{−r²/4a} da lies around r²/4 and falls as a power.
    end = max(1.0, 0.25 * math.exp(10.0 * reach)) * math.exp(_NEGLIGIBLE / (index + 0.5))
    edges = [start]
    while edges[-1] < end:
        a = edges[-1]
        z = a / scale - tangent
        edges.append(a + _SHARE * min(a, scale * math.sqrt(1.0 + z * z)))
    x, w = np.polynomial.legendre.leggauss(_NODES)
    low, high = np.array(edges[:-1]), np.array(edges[1:])
    a = (0.5 * (low + high)[:, None] + 0.5 * (high - low)[:, None] * x).ravel()
    width = (0.5 * (high - low)[:, None] * w).ravel()
    log_density = np.asarray(stable.logpdf(a, index, 1.0, scale=scale))
    kept = np.isfinite(log_density)
    return a[kept], log_density[kept] + np.log(width[kept])
