"""Quantile functions as tables of polynomials, for drawing a law from one uniform number.

The uniform u is folded to v = min(u, 1 − u) ∈ [2⁻⁵³, ½], and the leading bits of v name its cell: its
binary exponent (an octave) and the first bits of the mantissa. On a cell the quantile is a polynomial in the
rest of the mantissa, so that a draw needs no search, and an octave costs the same however far in the tail.

A law is known by its tail probabilities S(x) = P(X > x). log S is interpolated by Chebyshev panels in ξ,
x = m + c sinh ξ from the median m outwards, split until they agree with S between their nodes; Newton's
method on the panels gives the quantiles at the Chebyshev nodes of each cell. Last, the table is held against
the panels off its nodes: the largest |P(X > x(v)) − v| is the u-error.

Source: G. Derflinger, W. Hörmann, J. Leydold, "Random variate generation by numerical inversion when only
the density is known", ACM Trans. Model. Comput. Simul. 20 (2010), for the u-error.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from sdesim.errors import SdesimError

Array = NDArray[np.float64]
Tail = Callable[[Array], Array]

OCTAVES = 52
COEFFICIENTS = 8
U_ERROR = 1e-12
LEAST_BITS, MOST_BITS = 3, 8
# A number of bits is first tried on the octaves that hold all but 2⁻⁶ of the draws, where cells are widest.
DECISIVE = 6
SMALLEST = 2.0**-53
PANEL_NODES = 16
# Panels of log S agree with S between their nodes to a relative error, or to an absolute one if that is not
# too large a share of S.
AGREEMENT, ROUNDING, LOOSEST = 5e-13, 5e-16, 1e-5
NARROWEST = 1e-10


@dataclass(frozen=True)
class Table:
    """Polynomials of a quantile function.

    Attributes:
        coefficients: (2 · 52 · 2^bits, 8), ascending powers of the mantissa's rest in [−½, ½); first the
            cells of u > ½, from the smallest v on, then those of u < ½.
        bits: how many bits of the mantissa name a cell.
        u_error: the largest |F(x(u)) − u| found between the nodes.
    """

    coefficients: Array
    bits: int
    u_error: float


def build_table(right: Tail, left: Tail, scale: float) -> Table:
    """Table of the law with tails P(X > x) = right(x) and P(−X > x) = left(x).

    Args:
        right: tail probabilities of an array of points.
        left: those of −X; the same function where the law is symmetric.
        scale: a length over which the law varies near its middle.

    Raises:
        SdesimError: if no table within reach has a u-error of at most 1e-12.
    """
    symmetric = right is left
    median = 0.0 if symmetric else find_median(right, scale)
    sides = [side_panels(right, median, scale)]
    if not symmetric:
        sides.append(side_panels(left, -median, scale))
    for bits in range(LEAST_BITS, MOST_BITS + 1):
        error = max(fit_side(panels, bits, DECISIVE)[1] for panels in sides)
        if error > U_ERROR:
            continue
        fits = [fit_side(panels, bits, OCTAVES) for panels in sides]
        error = max(fit[1] for fit in fits)
        if error <= U_ERROR:
            upper, lower = fits[0][0], fits[-1][0]
            return Table(np.ascontiguousarray(np.concatenate([upper, -lower])), bits, error)
    raise SdesimError(f"the quantile table reaches a u-error of {error:.1e} only, not {U_ERROR:g}")


def refined(table: Table, bits: int) -> Array:
    """A table's coefficients where more bits name a cell: the same polynomials on parts of their cells."""
    parts = 2 ** (bits - table.bits)
    centres = (np.arange(parts) + 0.5) / parts - 0.5
    # Σ_k a_k (centre + t/parts)^k, expanded in t.
    shifts = np.array(
        [
            [
                [math.comb(k, j) * c ** (k - j) / parts**j if k >= j else 0.0 for j in range(COEFFICIENTS)]
                for k in range(COEFFICIENTS)
            ]
            for c in centres
        ]
    )
    return np.asarray(np.einsum("ik,pkj->ipj", table.coefficients, shifts).reshape(-1, COEFFICIENTS))


def find_median(right: Tail, scale: float) -> float:
    """x with P(X > x) = ½, by bisection on a bracket that grows from 0."""
    low, high = -scale, scale
    while right(np.array([high]))[0] > 0.5:
        high *= 2.0
    while right(np.array([low]))[0] < 0.5:
        low *= 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        if right(np.array([middle]))[0] > 0.5:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@dataclass(frozen=True)
class Panels:
    """Chebyshev series of log S on intervals of ξ, x = median + scale · sinh ξ.

    Attributes:
        median: where ξ = 0.
        scale: the length.
        edges: (k + 1,) of ξ, ascending.
        series: (k, 16) Chebyshev coefficients.
        at_edges: (k + 1,) log S, falling.
    """

    median: float
    scale: float
    edges: Array
    series: Array
    at_edges: Array

    def value(self, xi: Array) -> tuple[Array, Array]:
        """log S and its derivative by ξ."""
        index = np.clip(np.searchsorted(self.edges, xi, side="right") - 1, 0, len(self.series) - 1)
        reach = 0.5 * (self.edges[index + 1] - self.edges[index])
        t = (xi - self.edges[index]) / reach - 1.0
        rows = self.series[index]
        b0, b1 = np.zeros_like(t), np.zeros_like(t)
        d0, d1 = np.zeros_like(t), np.zeros_like(t)
        # Clenshaw's recurrence and its derivative.
        for k in range(rows.shape[1] - 1, 0, -1):
            d0, d1 = 2.0 * t * d0 - d1 + 2.0 * b0, d0
            b0, b1 = 2.0 * t * b0 - b1 + rows[:, k], b0
        return rows[:, 0] + t * b0 - b1, (b0 + t * d0 - d1) / reach

    def quantile(self, v: Array) -> Array:
        """x with S(x) = v, v ≤ ½."""
        target = np.log(v)
        index = np.clip(np.searchsorted(-self.at_edges, -target) - 1, 0, len(self.series) - 1)
        low, high = self.edges[index], self.edges[index + 1]
        share = (self.at_edges[index] - target) / (self.at_edges[index] - self.at_edges[index + 1])
        xi = low + share * (high - low)
        for _ in range(60):
            value, slope = self.value(xi)
            above = value > target
            low, high = np.where(above, xi, low), np.where(above, high, xi)
            step = xi - (value - target) / slope
            inside = (step >= low) & (step <= high)
            new = np.where(inside, step, 0.5 * (low + high))
            moved = np.abs(new - xi)
            xi = new
            if np.all(moved <= 4e-16 * np.abs(xi)):
                break
        return np.asarray(self.median + self.scale * np.sinh(xi))


def side_panels(tail: Tail, median: float, scale: float) -> Panels:
    """Panels from the median to where S falls below 2⁻⁵⁴."""
    nodes = np.cos(math.pi * (np.arange(PANEL_NODES) + 0.5) / PANEL_NODES)[::-1]
    between = 0.5 * (nodes[:-1] + nodes[1:])
    points = np.concatenate([nodes, between[::3], [1.0]])
    edges, series, at_edges = [0.0], [], [math.log(0.5)]
    width = 0.5
    while at_edges[-1] > math.log(0.5 * SMALLEST):
        start = edges[-1]
        while True:
            x = median + scale * np.sinh(start + 0.5 * width * (points + 1.0))
            with np.errstate(divide="ignore"):
                values = np.log(tail(x))
            if np.all(np.isfinite(values)):
                fit = chebyshev.chebfit(nodes, values[:PANEL_NODES], PANEL_NODES - 1)
                wrong = np.abs(chebyshev.chebval(points[PANEL_NODES:], fit) - values[PANEL_NODES:])
                if np.all(wrong <= AGREEMENT + np.minimum(ROUNDING / np.exp(values[PANEL_NODES:]), LOOSEST)):
                    break
            width *= 0.5
            if width < NARROWEST:
                raise SdesimError("the tail probabilities of this law could not be interpolated")
        edges.append(start + width)
        series.append(fit)
        at_edges.append(float(values[-1]))
        width *= 2.0
    return Panels(median, scale, np.array(edges), np.array(series), np.array(at_edges))


def fit_side(panels: Panels, bits: int, octaves: int) -> tuple[Array, float]:
    """Coefficients (cells, 8) of x(v) on the last octaves up to v = ½, and the largest u-error off nodes."""
    octave = np.repeat(2.0 ** np.arange(-1 - octaves, -1), 2**bits)
    start = octave * (1.0 + np.tile(np.arange(2**bits), octaves) / 2**bits)
    width = octave / 2**bits
    nodes = 0.5 * np.cos(math.pi * (np.arange(COEFFICIENTS) + 0.5) / COEFFICIENTS)
    v = start[:, None] + width[:, None] * (nodes + 0.5)
    x = panels.quantile(np.minimum(v, 0.5).ravel()).reshape(v.shape)
    coefficients = np.linalg.solve(np.vander(nodes, increasing=True), x.T).T
    tests = np.array([-0.5, -0.43, -0.2, 0.09, 0.32, 0.5])
    found = coefficients @ np.vander(tests, COEFFICIENTS, increasing=True).T
    v = start[:, None] + width[:, None] * (tests + 0.5)
    away = np.arcsinh((found - panels.median) / panels.scale)
    value, _ = panels.value(np.clip(away, 0.0, panels.edges[-1]).ravel())
    return np.asarray(coefficients, dtype=np.float64), float(np.abs(np.exp(value).reshape(v.shape) - v).max())
