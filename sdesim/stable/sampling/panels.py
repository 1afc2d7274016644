# mypy: disable-error-code="misc,no-any-return,untyped-decorator,no-untyped-def,no-untyped-call"
"""Compiled panels of log S and the polynomials of the quantile function made from them; see `inversion`.

Series are Chebyshev's on intervals of ξ, x = median + scale · sinh ξ. Sums keep their order, so that a table
has the same bits everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from sdesim.compiled.jit import compiled, compiled_apart

COEFFICIENTS = 8
# Newton's steps end here at the latest; two or three is what they take.
MOST_STEPS = 60


@compiled
def chebyshev_series(values, cosines, out):
    """Coefficients of the interpolant through values at the zeros of the Chebyshev polynomial, ascending."""
    count = values.size
    for j in range(count):
        total = 0.0
        for k in range(count):
            total += values[k] * cosines[j, k]
        out[j] = total * (1.0 if j == 0 else 2.0) / count


@compiled
def series_value(series, t):
    """Σ_j series[j] T_j(t) and its derivative, by Clenshaw's recurrence."""
    b0, b1, d0, d1 = 0.0, 0.0, 0.0, 0.0
    for k in range(series.size - 1, 0, -1):
        d0, d1 = 2.0 * t * d0 - d1 + 2.0 * b0, d0
        b0, b1 = 2.0 * t * b0 - b1 + series[k], b0
    return series[0] + t * b0 - b1, b0 + t * d0 - d1


@compiled
def panel_value(xi, edges, series, index):
    """log S and its derivative by ξ on one panel."""
    reach = 0.5 * (edges[index + 1] - edges[index])
    value, slope = series_value(series[index], (xi - edges[index]) / reach - 1.0)
    return value, slope / reach


@compiled
def panel_quantile(target, guess, edges, series, index):
    """ξ with log S = target on the panel that holds it, by Newton's method kept within brackets."""
    low, high = edges[index], edges[index + 1]
    xi = min(max(guess, low), high)
    for _ in range(MOST_STEPS):
        value, slope = panel_value(xi, edges, series, index)
        if value > target:
            low = xi
        else:
            high = xi
        step = xi - (value - target) / slope
        new = step if low <= step <= high else 0.5 * (low + high)
        moved = abs(new - xi)
        xi = new
        if moved <= 4e-16 * abs(xi):
            break
    return xi


@compiled_apart
def fit_cells(bits, octaves, median, scale, edges, series, at_edges, nodes, inverse, tests, out):
    """Coefficients (octaves · 2^bits, 8) of x(v) on the last octaves up to v = ½, and the largest u-error.

    Each cell is interpolated at the nodes of its mantissa's rest and held against the panels at tests.
    """
    cells = 2**bits
    x = np.empty(COEFFICIENTS)
    worst = 0.0
    index = at_edges.size - 2
    last = at_edges.size - 2
    guess, before = edges[last + 1], edges[last + 1]
    for octave in range(octaves):
        start = 2.0 ** (octave - octaves - 1)
        width = start / cells
        for cell in range(cells):
            row = octave * cells + cell
            for k in range(COEFFICIENTS):
                v = min(start + width * (cell + nodes[k] + 0.5), 0.5)
                target = math.log(v)
                # Nodes come in rising order of v, that is from the far end inwards.
                while index > 0 and at_edges[index] < target:
                    index -= 1
                guess, before = panel_quantile(target, 2.0 * guess - before, edges, series, index), guess
                x[k] = median + scale * math.sinh(guess)
            for j in range(COEFFICIENTS):
                total = 0.0
                for k in range(COEFFICIENTS):
                    total += inverse[j, k] * x[k]
                out[row, j] = total
            near = index
            for k in range(tests.size):
                t = tests[k]
                found = out[row, COEFFICIENTS - 1]
                for j in range(COEFFICIENTS - 2, -1, -1):
                    found = found * t + out[row, j]
                xi = min(max(math.asinh((found - median) / scale), 0.0), edges[last + 1])
                while near < last and edges[near + 1] < xi:
                    near += 1
                while near > 0 and edges[near] > xi:
                    near -= 1
                share = math.exp(panel_value(xi, edges, series, near)[0])
                wrong = abs(share - (start + width * (cell + t + 0.5)))
                # Written so that a NaN counts as wrong.
                worst = worst if wrong <= worst else wrong
    return worst
