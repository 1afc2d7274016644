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
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.stable.sampling.panels import COEFFICIENTS, chebyshev_series, fit_cells, series_value

Array = NDArray[np.float64]
Tail = Callable[[Array], Array]

OCTAVES = 52
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
FIRST_WIDTH, WIDENING = 0.5, 2.0
# The folded uniform is off by as much at the median.
MEDIAN = 2e-16
# Places of a cell where its polynomial is held against the panels.
TESTS = (-0.5, -0.43, -0.2, 0.09, 0.32, 0.5)


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
    """x with P(X > x) = ½, by false position (Illinois) on a bracket that grows from 0."""

    def excess(x: float) -> float:
        return float(right(np.array([x]))[0]) - 0.5

    low, high = -scale, scale
    at_low, at_high = excess(low), excess(high)
    while at_high > 0.0:
        high *= 2.0
        at_high = excess(high)
    while at_low < 0.0:
        low *= 2.0
        at_low = excess(low)
    side = 0
    for _ in range(200):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        if not low < middle < high:
            middle = 0.5 * (low + high)
        value = excess(middle)
        if abs(value) <= MEDIAN or not low < middle < high:
            return middle
        if value > 0.0:
            low, at_low = middle, value
            at_high *= 0.5 if side == 1 else 1.0
            side = 1
        else:
            high, at_high = middle, value
            at_low *= 0.5 if side == -1 else 1.0
            side = -1
    raise SdesimError("the median of this law could not be found")


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


def side_panels(tail: Tail, median: float, scale: float) -> Panels:
    """Panels from the median to where S falls below 2⁻⁵⁴."""
    turns = math.pi * (np.arange(PANEL_NODES) + 0.5) / PANEL_NODES
    cosines = np.cos(np.arange(PANEL_NODES)[:, None] * turns[::-1])
    nodes = cosines[1]
    between = 0.5 * (nodes[:-1] + nodes[1:])
    points = np.concatenate([nodes, between[::3], [1.0]])
    edges, series, at_edges = [0.0], [], [math.log(0.5)]
    width = FIRST_WIDTH
    while at_edges[-1] > math.log(0.5 * SMALLEST):
        start = edges[-1]
        while True:
            x = median + scale * np.sinh(start + 0.5 * width * (points + 1.0))
            with np.errstate(divide="ignore"):
                values = np.log(tail(x))
            if np.all(np.isfinite(values)):
                fit = np.empty(PANEL_NODES)
                chebyshev_series(values[:PANEL_NODES], cosines, fit)
                found = np.array([series_value(fit, t)[0] for t in points[PANEL_NODES:]])
                wrong = np.abs(found - values[PANEL_NODES:])
                if np.all(wrong <= AGREEMENT + np.minimum(ROUNDING / np.exp(values[PANEL_NODES:]), LOOSEST)):
                    break
            width *= 0.5
            if width < NARROWEST:
                raise SdesimError("the tail probabilities of this law could not be interpolated")
        edges.append(start + width)
        series.append(fit)
        at_edges.append(float(values[-1]))
        width *= WIDENING
    return Panels(median, scale, np.array(edges), np.array(series), np.array(at_edges))


@cache
def cell_nodes() -> tuple[Array, Array]:
    """Chebyshev nodes of a cell in [−½, ½], ascending, and the inverse (8, 8) of their Vandermonde matrix.

    Worked out in fractions, so that it is the same everywhere.
    """
    turns = [(2 * k + 1) / (2 * COEFFICIENTS) for k in range(COEFFICIENTS)]
    nodes = [-0.5 * math.cos(math.pi * turn) for turn in turns]
    inverse = np.empty((COEFFICIENTS, COEFFICIENTS))
    for k, node in enumerate(nodes):
        # The k-th Lagrange polynomial.
        row = [Fraction(1)]
        for other in nodes:
            if other != node:
                gap = Fraction(node) - Fraction(other)
                lower = [-Fraction(other) * c for c in row] + [Fraction(0)]
                row = [(a + b) / gap for a, b in zip(lower, [Fraction(0), *row], strict=True)]
        inverse[:, k] = [float(c) for c in row]
    return np.array(nodes), inverse


def fit_side(panels: Panels, bits: int, octaves: int) -> tuple[Array, float]:
    """Coefficients (cells, 8) of x(v) on the last octaves up to v = ½, and the largest u-error off nodes."""
    nodes, inverse = cell_nodes()
    out = np.empty((octaves * 2**bits, COEFFICIENTS))
    shape = panels.median, panels.scale, panels.edges, panels.series, panels.at_edges
    error = fit_cells(bits, octaves, *shape, nodes, inverse, np.array(TESTS), out)
    return out, float(error)
