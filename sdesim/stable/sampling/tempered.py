"""Tail probabilities of exponentially tempered stable laws, from the cumulant function.

The unit law has the Lévy measure c± |x|^{−1−α} e^{−λ|x|}, c± those of the stable law of unit scale. With
ε = 1 − α, p± = (1 ± β)/2 and E(z) = z^{−ε} − 1, log E e^{sX} is

    K(s) = −(1/sin(πε/2)) Σ± p± [(λ ∓ s) E(λ ∓ s) − λ E(λ)],    at α = 1  (2/π) Σ± p± [z log z], z = λ ∓ s,

which is continuous in α; the location that goes with it is `location`. For 0 < c < λ

    P(X > x) = (1/2πi) ∫ e^{K(s) − sx} ds/s    over a path through c that leaves the cut s > λ on its right.

The path goes through the saddle point of the exponent, so that nothing cancels and far tails keep their
relative accuracy; it is the hyperbola s = c + b (i cos ψ sinh t + sin ψ (cosh t − 1)), summed by the
trapezoidal rule in t, whose error falls geometrically with its step.

Source: J. Rosiński, "Tempering stable processes", Stoch. Proc. Appl. 117 (2007); A. Strawderman, "Computing
tail probabilities by numerical Fourier inversion: the absolutely continuous case", Statist. Sinica 14 (2004).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

STEP, REACH = 0.04, 32.0
SLANTS = tuple(k * math.pi / 16 for k in (2, 0, 4, 1, 6, -1, -2, -4))
# An estimated relative error at which no other slant is tried, and the relative or absolute one at which the
# best of all is accepted.
SETTLED, AGREEMENT, ROUNDING = 1e-15, 2e-13, 5e-16
EPSILON, NEGLIGIBLE = 2.0**-53, -60.0


@dataclass(frozen=True)
class Tempered:
    """The unit tempered law.

    Attributes:
        alpha: stability index in (0, 2).
        skew: β.
        tempering: λ at unit scale.
    """

    alpha: float
    skew: float
    tempering: float

    @property
    def factor(self) -> float:
        """−1/sin(πε/2) for `power`; 2/π at α = 1."""
        epsilon = 1.0 - self.alpha
        return 2.0 / math.pi if epsilon == 0.0 else -1.0 / math.sin(0.5 * math.pi * epsilon)

    def power(self, z: Complex | Array) -> Complex | Array:
        """E(z), at α = 1 log z."""
        epsilon = 1.0 - self.alpha
        return np.log(z) if epsilon == 0.0 else np.expm1(-epsilon * np.log(z))

    def slope(self, z: Array) -> Array:
        """d/dz z E(z)."""
        epsilon = 1.0 - self.alpha
        if epsilon == 0.0:
            return np.asarray(np.log(z) + 1.0)
        return np.asarray((1.0 - epsilon) * self.power(z) - epsilon)

    def cumulant(self, s: Complex | Array, sign: float) -> Complex | Array:
        """K(s) of sign · X."""
        total: Complex | Array = np.zeros_like(s)
        for side, weight in self.sides(sign):
            z = self.tempering - side * s
            total = total + weight * (
                z * self.power(z) - self.tempering * self.power(np.array(self.tempering))
            )
        return self.factor * total

    def mean(self, s: Array, sign: float) -> Array:
        """K′(s) of sign · X."""
        parts = [side * weight * self.slope(self.tempering - side * s) for side, weight in self.sides(sign)]
        return np.asarray(-self.factor * sum(parts))

    def spread(self, s: Array, sign: float) -> Array:
        """K″(s) of sign · X."""
        epsilon = 1.0 - self.alpha
        kappa = 2.0 / math.pi if epsilon == 0.0 else epsilon / math.sin(0.5 * math.pi * epsilon)
        parts = [
            weight * (self.tempering - side * s) ** (self.alpha - 2.0) for side, weight in self.sides(sign)
        ]
        return np.asarray(self.alpha * kappa * sum(parts))

    def sides(self, sign: float) -> list[tuple[float, float]]:
        """(±1, p±) of sign · X, where p± is not 0."""
        skew = sign * self.skew
        return [(side, 0.5 * (1.0 + side * skew)) for side in (1.0, -1.0) if 1.0 + side * skew > 0.0]

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return math.sqrt(float(self.spread(np.array(0.0), 1.0)))

    @property
    def location(self) -> float:
        """What must be added: jumps are not compensated below α = 1, wholly (mean 0) above; 0 at α = 1."""
        if self.alpha < 1.0:
            return -self.skew * self.factor
        return -float(self.mean(np.array(0.0), 1.0)) if self.alpha > 1.0 else 0.0

    def tail(self, sign: float) -> Callable[[Array], Array]:
        """P(sign · X > x) as a function of the points x."""

        def probabilities(x: Array) -> Array:
            return tail_probabilities(self, x, sign)

        return probabilities


def saddle(law: Tempered, x: Array, sign: float) -> tuple[Array, Array]:
    """(c, distance to the nearest singularity): K′(c) = x, kept off the pole at 0 and the branch point λ."""
    least = min(0.5 * law.tempering, 1.0 / law.deviation)
    cut = any(side > 0.0 for side, _ in law.sides(sign))
    low = np.full(x.shape, math.log(least))
    if cut:
        # Bisection over log(c/(λ − c)), which resolves both ends.
        low = np.full(x.shape, math.log(least / (law.tempering - least)))
    high = low + 80.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        c = law.tempering / (1.0 + np.exp(-middle)) if cut else np.exp(middle)
        rest = law.tempering / (1.0 + np.exp(middle))
        below = law.mean(c, sign) < x if not cut else mean_near(law, c, rest, sign) < x
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    if not cut:
        c = np.exp(low)
        return c, c
    rest = law.tempering / (1.0 + np.exp(low))
    rest = np.maximum(rest, np.minimum(law.tempering - least, 1.0 / np.maximum(x, 2.0 / law.tempering)))
    c = law.tempering - rest
    return c, np.minimum(c, rest)


def mean_near(law: Tempered, c: Array, rest: Array, sign: float) -> Array:
    """K′(c) with λ − c given as such."""
    parts = [
        side * weight * law.slope(rest if side > 0.0 else law.tempering + c)
        for side, weight in law.sides(sign)
    ]
    return np.asarray(-law.factor * sum(parts))


def tail_probabilities(law: Tempered, x: Array, sign: float) -> Array:
    """P(sign · X > x) for x at or beyond the median.

    Raises:
        SdesimError: if no path of integration converges.
    """
    return _integrals(law, x, sign, lambda s: s)


def densities(law: Tempered, x: Array, sign: float) -> Array:
    """Density of sign · X at x, at or beyond the median: the same integral without the factor 1/s.

    Raises:
        SdesimError: if no path of integration converges.
    """
    return _integrals(law, x, sign, np.ones_like)


def _integrals(law: Tempered, x: Array, sign: float, divisor: Callable[[Complex], Complex]) -> Array:
    """(1/2πi) ∫ e^{K(s) − sx} ds/divisor(s)."""
    c, distance = saddle(law, x, sign)
    b = np.minimum(distance, 4.0 / np.sqrt(law.spread(c, sign)))
    height = law.cumulant(c, sign) - c * x
    t = np.arange(0.0, REACH, STEP)
    scale = np.exp(height) / math.pi
    result, error = np.zeros(x.shape), np.full(x.shape, math.inf)
    for slant in SLANTS:
        k = np.flatnonzero(error > SETTLED * np.abs(result))
        if k.size == 0:
            break
        path = b[k, None] * (1j * math.cos(slant) * np.sinh(t) + math.sin(slant) * (np.cosh(t) - 1.0))
        tangent = b[k, None] * (1j * math.cos(slant) * np.cosh(t) + math.sin(slant) * np.sinh(t))
        s = c[k, None] + path
        under = divisor(s)
        with np.errstate(over="ignore", invalid="ignore"):
            cumulant = law.cumulant(s, sign)
            rest = -s * x[k, None] - height[k, None]
            whole = np.exp(cumulant + rest)
            # ∫ e^{−sx} ds/s over a path that bends to the right is 0: without it small K don't cancel.
            less = np.where(np.abs(cumulant) < 1.0, np.expm1(cumulant) * np.exp(rest), whole - np.exp(rest))
            # Once negligible it stays so on a path that turns upwards from there.
            over = np.maximum.accumulate((cumulant + rest).real < NEGLIGIBLE, axis=1)
            gone = over & np.maximum.accumulate(rest.real < NEGLIGIBLE, axis=1)
            for integrand in (less, whole) if slant > 0.0 else (whole,):
                terms = np.where(
                    over if integrand is whole else gone, 0.0, (integrand * tangent / under).imag
                )
                terms[:, 0] *= 0.5
                fine, coarse = terms.sum(axis=1) * STEP, terms[:, ::2].sum(axis=1) * (2.0 * STEP)
                mass = np.abs(terms).sum(axis=1) * STEP
                # Halving the step squares the relative error; its power 3/2 is the cautious estimate.
                wrong = np.abs(fine - coarse) * np.sqrt(np.abs(fine - coarse) / mass) + EPSILON * mass
                wrong = np.where((x[k] > 0.0) | (integrand is whole), wrong * scale[k], math.inf)
                better = wrong < error[k]
                error[k[better]] = wrong[better]
                result[k[better]] = (fine * scale[k])[better]
    if np.all(error <= AGREEMENT * np.abs(result) + ROUNDING):
        return result
    raise SdesimError(
        f"the tempered law with alpha {law.alpha:g}, skew {law.skew:g} and tempering × scale "
        f"{law.tempering:.3g} could not be integrated to the accuracy that its table needs"
    )
