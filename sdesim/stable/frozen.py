"""A stable law with given parameters, under scipy's method names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import as_reals, number, whole
from sdesim.kinds.spelling import short
from sdesim.stable import functions
from sdesim.stable.parameters import Array, checked, tangent_shift
from sdesim.stable.sampling.draws import rvs

# Means: Gauss–Legendre panels in ξ, x = centre + width · sinh ξ, until that many add nothing.
_NODES, _PANEL, _QUIET, _NEGLIGIBLE = 20, 0.5, 6, 1e-17
# e^_FURTHEST is near the largest float64.
_FURTHEST = 690.0
# A panel is halved until its halves agree with it, or are as short as a rounding; so many times at most.
# Of a moment whose terms are below the largest float64, as binomial coefficients and double factorials.
_MOST_ORDER = 280
_AGREEMENT, _NARROWEST, _MOST_HALVINGS = 1e-12, 1e-14, 2000


class StableLaw:
    """The stable law S(α, β, scale, loc), to be used as scipy's frozen distributions are.

    Args:
        alpha: stability index α in (0, 2].
        beta: skewness β in [−1, 1]; of no effect at α = 2.
        loc: location, that of ``parametrization``.
        scale: scale c > 0; the standard deviation is √2 c at α = 2.
        parametrization: "S1", scipy's default, or "S0", continuous in α.

    Raises:
        SdesimError: if a parameter is out of its range.
    """

    def __init__(
        self,
        alpha: ArrayLike,
        beta: ArrayLike = 0.0,
        loc: ArrayLike = 0.0,
        scale: ArrayLike = 1.0,
        parametrization: str = "S1",
    ) -> None:
        self._law = checked(alpha, beta, loc, scale, parametrization)
        self.args = (alpha, beta, loc, scale, parametrization)

    def __repr__(self) -> str:
        alpha, beta, loc, scale, form = self.args
        law = f"alpha={alpha!r}, beta={beta!r}, loc={loc!r}, scale={scale!r}"
        return f"sdesim.stable({law}, parametrization={form!r})"

    def pdf(self, x: ArrayLike) -> Array:
        """Density."""
        return functions.pdf(x, *self.args)

    def logpdf(self, x: ArrayLike) -> Array:
        """Logarithm of the density."""
        return functions.logpdf(x, *self.args)

    def cdf(self, x: ArrayLike) -> Array:
        """P(X ≤ x)."""
        return functions.cdf(x, *self.args)

    def logcdf(self, x: ArrayLike) -> Array:
        """log P(X ≤ x)."""
        return functions.logcdf(x, *self.args)

    def sf(self, x: ArrayLike) -> Array:
        """P(X > x)."""
        return functions.sf(x, *self.args)

    def logsf(self, x: ArrayLike) -> Array:
        """log P(X > x)."""
        return functions.logsf(x, *self.args)

    def ppf(self, q: ArrayLike) -> Array:
        """x with P(X ≤ x) = q."""
        return functions.ppf(q, *self.args)

    def isf(self, q: ArrayLike) -> Array:
        """x with P(X > x) = q."""
        return functions.isf(q, *self.args)

    def rvs(
        self,
        size: int | tuple[int, ...] | None = None,
        seed: Any = None,
        sampler: str | None = None,
        random_state: Any = None,
    ) -> Array:
        """Draws; see `sdesim.stable.rvs`."""
        alpha, beta, loc, scale, form = self.args
        return rvs(alpha, beta, size, seed, loc, scale, form, sampler, random_state)

    def median(self) -> Array:
        """x with P(X ≤ x) = ½."""
        return functions.ppf(0.5, *self.args)

    def mean(self) -> Array:
        """E X: loc of S1 for α > 1. For α ≤ 1 ±∞ where β = ±1 and NaN, undefined, elsewhere."""
        law = self._law
        centre = law.loc if law.s1 else law.loc - law.scale * tangent_shift(law.alpha, law.beta)
        return functions.plain(np.where(law.alpha > 1.0, centre, _one_sided(law.beta)) + np.zeros(law.shape))

    def var(self) -> Array:
        """Variance: 2 scale² at α = 2, ∞ below."""
        law = self._law
        return functions.plain(np.where(law.alpha == 2.0, 2.0 * law.scale**2, np.inf) + np.zeros(law.shape))

    def std(self) -> Array:
        """Standard deviation: √2 scale at α = 2, ∞ below."""
        return functions.plain(np.sqrt(self.var()))

    def stats(self, moments: str = "mv") -> Any:
        """Mean ("m"), variance ("v"), skewness ("s"), excess kurtosis ("k"), those that are asked for.

        Skewness and kurtosis are 0 at α = 2 and NaN, undefined, below, as scipy says.
        """
        if not isinstance(moments, str) or set(moments) - set("mvsk"):
            raise SdesimError(f"moments must be letters of 'mvsk', got {short(moments)}")
        shape = np.where(self._law.alpha == 2.0, 0.0, np.nan) + np.zeros(self._law.shape)
        values = {"m": self.mean, "v": self.var}
        found = tuple(
            values[letter]() if letter in values else functions.plain(shape)
            for letter in "mvsk"
            if letter in moments
        )
        return found[0] if len(found) == 1 else found

    def moment(self, order: int) -> Array:
        """E X^order, order a whole number ≥ 0: ±∞ or NaN where it is infinite or undefined."""
        order = whole(order, "order", least=0)
        if order > _MOST_ORDER:
            raise SdesimError(f"order must be at most {_MOST_ORDER}, got {short(order)}")
        law = self._law
        if order == 0:
            return functions.plain(np.ones(law.shape))
        if order == 1:
            return self.mean()
        gaussian = np.zeros(law.shape)
        for k in range(0, order + 1, 2):
            # E (loc + √2 c G)^order, E G^k = k!/(2^{k/2} (k/2)!).
            normal = math.factorial(k) // (2 ** (k // 2) * math.factorial(k // 2))
            ways = math.comb(order, k) * normal
            gaussian = gaussian + ways * law.loc ** (order - k) * (2.0 * law.scale**2) ** (k // 2)
        heavy = _one_sided(law.beta) if order % 2 else np.inf
        return functions.plain(np.where(law.alpha == 2.0, gaussian, heavy) + np.zeros(law.shape))

    def support(self) -> tuple[Array, Array]:
        """Ends of the support: a half-line where α < 1 and |β| = 1, else the line."""
        law = self._law
        low, high = functions.ends(law.alpha, law.beta)
        shift = tangent_shift(law.alpha, law.beta)
        found = [law.located(end - shift, end) + np.zeros(law.shape) for end in (low, high)]
        return functions.plain(found[0]), functions.plain(found[1])

    def interval(self, confidence: ArrayLike) -> tuple[Array, Array]:
        """The interval that holds a share ``confidence``, with equal tails."""
        share = as_reals(confidence, "confidence")
        if not np.all((share >= 0.0) & (share <= 1.0)):
            raise SdesimError(f"confidence must be in [0, 1], got {short(confidence)}")
        return self.ppf(0.5 * (1.0 - share)), self.isf(0.5 * (1.0 - share))

    def entropy(self) -> Array:
        """Differential entropy −∫ f log f, by quadrature."""
        law = self._law
        parts = np.broadcast_arrays(law.alpha, law.beta, law.loc, law.scale)
        found = []
        for alpha, beta, loc, scale in zip(*(part.ravel().tolist() for part in parts), strict=True):
            one = StableLaw(alpha, beta, loc, scale, self.args[4])
            found.append(one._mean(lambda x, one=one: -one.logpdf(x), -np.inf, np.inf))  # type: ignore[misc]
        return functions.plain(np.reshape(np.array(found, dtype=np.float64), law.shape))

    def expect(
        self,
        func: Callable[[Array], ArrayLike] | None = None,
        lb: float = -np.inf,
        ub: float = np.inf,
        conditional: bool = False,
    ) -> float:
        """E func(X), or its part with lb < X < ub.

        Args:
            func: of an array of points, with a mean; X itself if None. It may have corners and steps.
            lb: lower bound.
            ub: upper bound.
            conditional: divide by P(lb < X < ub).

        Raises:
            SdesimError: of a law of arrays; if the sum does not settle, as where no mean exists.
        """
        if self._law.shape != ():
            raise SdesimError("expect takes a law of single numbers")
        if func is not None and not callable(func):
            raise SdesimError(f"func must be a function of points, got {short(func)}")
        lb, ub = number(lb, "lb"), number(ub, "ub")
        total = self._mean((lambda x: x) if func is None else func, lb, ub)
        if not conditional:
            return total
        left = float(self.median())
        inside = self.sf(lb) - self.sf(ub) if lb > left else self.cdf(ub) - self.cdf(lb)
        return float(total / inside)

    def _mean(self, function: Callable[[Array], ArrayLike], low: float, high: float) -> float:
        """∫ function f over (low, high), z = width · sinh ξ, panel after panel outwards."""
        law = self._law
        shift = tangent_shift(law.alpha, law.beta)
        # Below α = 1 the density is no smooth function of x′ at 0 but one of log |x′|.
        pointed = bool(law.alpha < 0.9)
        width, form = (1e-12, "S1") if pointed else (1.0, "S0")

        def located(z: Array) -> Array:
            return law.located(z - shift, z) if pointed else law.located(z, z + shift)

        def values(xi: Array) -> Array:
            z = width * np.sinh(xi)
            # The density itself may be below the least float64 where the integrand is not.
            log_stretch = np.log(0.5 * width) + np.abs(xi) + np.log1p(np.exp(-2.0 * np.abs(xi)))
            with np.errstate(invalid="ignore", under="ignore", over="ignore"):
                density = np.exp(functions.logpdf(z, law.alpha, law.beta, parametrization=form) + log_stretch)
                found = as_reals(function(located(z)), "what func gives")
                return np.where(density > 0.0, density * found, 0.0)

        centre = float(located(np.array(0.0)))
        first, last = (float(np.arcsinh((end - centre) / law.scale / width)) for end in (low, high))
        start = min(max(0.0, first), last)
        total = whole = 0.0
        for sign, end in ((1.0, last), (-1.0, first)):
            edge, quiet = start, 0
            goal = min(max(end, -_FURTHEST), _FURTHEST)
            while quiet < _QUIET and sign * (goal - edge) > 0.0:
                after = sign * min(sign * edge + _PANEL, sign * goal)
                part, size = _integral(values, edge, after, whole)
                part, whole = sign * part, whole + size
                total += part
                quiet = quiet + 1 if abs(part) <= _NEGLIGIBLE * abs(total) and abs(edge) > 30.0 else 0
                edge = after
            if not math.isfinite(total) or (quiet < _QUIET and np.isinf(end)):
                raise SdesimError("the expectation does not settle: it may not exist")
        return total


_RULE = np.polynomial.legendre.leggauss(_NODES)


def _integral(
    values: Callable[[Array], Array], begin: float, end: float, known: float
) -> tuple[float, float]:
    """∫ values over [begin, end], which is halved around corners and steps of the integrand, and ∫ |values|.

    Args:
        values: of points. known: ∫ |values| of what lies before, beside which this may be small.
    """

    def rule(a: float, b: float) -> tuple[float, float]:
        found = _RULE[1] * values(0.5 * (a + b) + 0.5 * (b - a) * _RULE[0])
        return 0.5 * (b - a) * float(found.sum()), 0.5 * abs(b - a) * float(np.abs(found).sum())

    whole, size = rule(begin, end)
    if not (math.isfinite(whole) and size > 0.0):
        return whole, size
    allowed = _AGREEMENT * max(size, known)
    total, rest, budget = 0.0, [(begin, end, whole)], _MOST_HALVINGS
    while rest:
        a, b, before = rest.pop()
        middle = 0.5 * (a + b)
        left, right = rule(a, middle)[0], rule(middle, b)[0]
        if abs(left + right - before) <= allowed or abs(b - a) <= _NARROWEST:
            total += left + right
            continue
        budget -= 1
        if budget < 0:
            raise SdesimError("the expectation does not settle: the function changes too often")
        rest += [(a, middle, left), (middle, b, right)]
    return total, size


def _one_sided(beta: Array) -> Array:
    """±∞ where one tail alone is heavy (β = ±1), NaN elsewhere."""
    return np.asarray(np.where(beta == 1.0, np.inf, np.where(beta == -1.0, -np.inf, np.nan)))
