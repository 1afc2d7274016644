"""Exact values by closed form and quadrature, independent of the package: laws of discrete chains.

A chain is x⁺ = m(x) + kick, with m the noise-free step of a scheme. Its stationary law and mean exit times
solve Fredholm equations of the second kind, here by Nyström's method on Gauss–Legendre panels: the error
falls exponentially once the nodes are closer than the kick is wide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, interpolate, linalg, optimize, special, stats

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
_NODES = 16


def panels(edges: ArrayLike) -> tuple[Array, Array]:
    """Nodes and weights of the Gauss–Legendre rule on each interval between neighbouring edges (p + 1,)."""
    edges = np.asarray(edges, dtype=np.float64)
    x, w = np.polynomial.legendre.leggauss(_NODES)
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    return (middle[:, None] + half[:, None] * x).ravel(), (half[:, None] * w).ravel()


# --- α-stable laws, S1 with unit scale: E exp(iuZ) = exp(−|u|^α (1 − iβ sign(u) tan(πα/2)))


class StableLaw:
    """Distribution function, density and quantiles of S_α(β) by inversion of the characteristic function.

    F(x) = ½ − (1/π) ∫₀^∞ Im(e^{−iux} φ(u)) du/u (Gil-Pelaez 1951), with u = U t⁴ to resolve the origin;
    beyond U = 40^{1/α} |φ| is below e^{−40}. In the parametrization S0, Z₀ = Z₁ − β tan(πα/2).
    """

    def __init__(self, alpha: float, skew: float = 0.0, parametrization: str = "S1") -> None:
        t, weights = panels(np.linspace(0.0, 1.0, 401))
        top = 40.0 ** (1.0 / alpha)
        self._u = top * t**4
        self._du = weights * 4.0 * top * t**3
        if alpha == 1.0:
            phase = (2.0 / math.pi) * skew * self._u * np.log(self._u)
        else:
            phase = -skew * math.tan(0.5 * math.pi * alpha) * self._u**alpha
            if parametrization == "S0":
                phase += skew * math.tan(0.5 * math.pi * alpha) * self._u
        self._modulus, self._phase = np.exp(-(self._u**alpha)), phase

    def cdf(self, x: float) -> float:
        """P(Z ≤ x)."""
        wave = np.sin(self._u * x + self._phase) * self._modulus / self._u
        return float(0.5 + np.sum(wave * self._du) / math.pi)

    def pdf(self, x: float) -> float:
        """Density at x."""
        return float(np.sum(np.cos(self._u * x + self._phase) * self._modulus * self._du) / math.pi)

    def quantile(self, p: float) -> float:
        """x with P(Z ≤ x) = p; for |x| below about 60."""
        return float(optimize.brentq(lambda x: self.cdf(x) - p, -60.0, 60.0, xtol=1e-11))


def symmetric_stable_density(alpha: float) -> Function:
    """Vectorised density of S_α(0), 1 < α < 2: a spline of the inversion up to x = 40, beyond it the series

    f(x) ~ (1/π) Σ_{k≥1} (−1)^{k+1} Γ(αk + 1)/k! sin(πkα/2) x^{−αk−1} (Bergström 1952), eight terms.
    """  # fmt: skip
    law, edge = StableLaw(alpha), 40.0
    grid = np.concatenate([np.arange(0.0, 8.0, 0.02), np.linspace(8.0, edge, 400)])
    body = interpolate.CubicSpline(grid, [law.pdf(x) for x in grid])
    k = np.arange(1, 9)
    terms = (-1.0) ** (k + 1) * special.gamma(alpha * k + 1) / special.factorial(k)
    terms *= np.sin(0.5 * math.pi * alpha * k) / math.pi

    def density(x: Array) -> Array:
        x = np.abs(x)
        tail = np.zeros_like(x)
        far = np.maximum(x, edge)
        for order, term in zip(k, terms, strict=True):
            tail += term * far ** (-alpha * order - 1.0)
        return np.where(x < edge, body(np.minimum(x, edge)), tail)

    return density


def levy_constant(alpha: float) -> float:
    """c of the Lévy density c |x|^{−1−α} of S_α(0): Γ(1 + α) sin(πα/2)/π."""
    return float(special.gamma(1.0 + alpha) * math.sin(0.5 * math.pi * alpha) / math.pi)


def limited_variance(alpha: float, limit: float, rule: str) -> float:
    """Variance of S_α(0), 1 < α < 2, clipped to ±limit, or conditioned on |Z| ≤ limit ("reject")."""
    x, w = panels(np.linspace(0.0, limit, 201))
    mass = 2.0 * w * symmetric_stable_density(alpha)(x)
    inside, second = float(mass.sum()), float((mass * x**2).sum())
    return second / inside if rule == "reject" else second + (1.0 - inside) * limit**2


# --- chains


def normal_density(deviation: float) -> Function:
    """Density of N(0, deviation²)."""
    scale = 1.0 / (deviation * math.sqrt(2.0 * math.pi))
    return lambda x: scale * np.exp(-0.5 * (x / deviation) ** 2)


def scaled(density: Function, scale: float) -> Function:
    """Density of scale · Z where Z has the given one."""
    return lambda x: density(x / scale) / scale


def mean_exit_steps(
    drift: Function, kick: Function, lower: float, upper: float, start: float, count: int
) -> float:
    """Mean index of the first iterate of x⁺ = m(x) + kick outside (lower, upper): μ = 1 + ∫ k(· → y) μ(y) dy.

    Args:
        drift: m. kick: density of the kick.
        lower, upper: the interval. start: x₀ inside.
        count: number of panels.
    """
    y, w = panels(np.linspace(lower, upper, count + 1))
    transition = kick(y[None, :] - drift(y)[:, None]) * w
    steps = np.linalg.solve(np.eye(y.size) - transition, np.ones(y.size))
    return float(1.0 + np.sum(kick(y - drift(np.array(start))) * w * steps))


@dataclass(frozen=True)
class StationaryLaw:
    """Stationary probabilities of a chain at the nodes x (n,) of a quadrature; mass (n,) sums to 1."""

    x: Array
    mass: Array

    def mean(self, f: Function) -> float:
        """E f."""
        return float(np.sum(self.mass * f(self.x)))


def stationary_law(transition: Callable[[Array, Array], Array], edges: ArrayLike) -> StationaryLaw:
    """p(y) = ∫ k(x → y) p(x) dx on panels between the edges.

    Args:
        transition: k(x, y), the density at y after one step from x; arrays broadcast.
        edges: panels; what lies beyond them must carry no mass that matters.
    """
    x, w = panels(edges)
    matrix = transition(x[None, :], x[:, None]) * w[:, None]
    # Inverse iteration beside the eigenvalue 1: what leaks through the outer edges is put back in proportion.
    factors = linalg.lu_factor(matrix - (1.0 + 1e-9) * np.eye(x.size))
    mass = w
    for _ in range(6):
        mass = linalg.lu_solve(factors, mass)
        mass /= mass.sum()
    return StationaryLaw(x, mass)


def ar1_variance(ratio: float, kick_variance: float) -> float:
    """Stationary variance of x⁺ = ratio · x + kick: v/(1 − ratio²)."""
    return kick_variance / (1.0 - ratio**2)


def ar1_stable_scale(ratio: float, kick_scale: float, alpha: float) -> float:
    """Stationary scale of x⁺ = ratio · x + kick with an α-stable kick: (s^α/(1 − |ratio|^α))^{1/α}."""
    return float((kick_scale**alpha / (1.0 - abs(ratio) ** alpha)) ** (1.0 / alpha))


# --- expectations


def normal_mean(f: Callable[[float], float], breaks: tuple[float, ...] = ()) -> float:
    """E f(z), z standard normal; breaks: where f is singular."""
    edges = sorted({-12.0, 12.0, *(b for b in breaks if abs(b) < 12.0)})
    weight = 1.0 / math.sqrt(2.0 * math.pi)
    total = 0.0
    for a, b in pairwise(edges):
        total += integrate.quad(lambda z: f(z) * math.exp(-0.5 * z * z) * weight, a, b, limit=400)[0]
    return float(total)


def chi2_power_mean(power: float, eta: float, batch: int) -> float:
    """E|1 − ηA|^power with A = χ²_b/b, by quadrature in √A."""

    def integrand(root: float) -> float:
        a = root * root
        return float(abs(1.0 - eta * a) ** power * stats.chi2.pdf(a * batch, batch) * batch * 2.0 * root)

    turn = 1.0 / math.sqrt(eta)
    edges = (0.0, turn, 2.0 * turn + 2.0, 12.0)
    return sum(integrate.quad(integrand, a, b, limit=300)[0] for a, b in pairwise(edges))


def tail_exponent(power_mean: Callable[[float], float]) -> float:
    """κ > 0 with E|A|^κ = 1, the tail index of x⁺ = A x + B where E log|A| < 0 (Kesten 1973)."""
    high = 0.5
    while power_mean(high) < 1.0:
        high *= 1.5
    return float(optimize.brentq(lambda k: power_mean(k) - 1.0, 1e-3, high, xtol=1e-10))
