"""Chebyshev panels of one stable law's log density and log tail, for many points at once.

A law is tabulated over ξ = arsinh(z/c), z being x of the S0 law near α = 1 and x′ elsewhere, by panels of
degree 15 whose edges are multiples of 1/32 of ξ, so that a point finds its panel without a search. A panel
holds log f and the logarithm of the smaller tail; it is halved until it agrees with the direct evaluation
between its nodes, and where not even the narrowest does, points there are evaluated directly, as are those
beyond the last panel. The table depends on (α, β) alone.

Which points are so evaluated: those of a call with at least `functions.MANY` points and a single α and β.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.polynomial import chebyshev

from sdesim.stable.kernels.evaluation import evaluate
from sdesim.stable.parameters import Array, tangent_shift

DEGREE = 15
# Cells of ξ a unit, and how far the table goes: to |z| = c e^{±REACH}/2.
CELLS, REACH = 32, 56
# A panel agrees if it errs by no more than TOLERANCE, or by ROUNDING of a large logarithm.
TOLERANCE, ROUNDING = 1e-13, 2e-15
LOWEST = -720.0


@dataclass(frozen=True)
class Panels:
    """A tabulated law.

    Attributes:
        width: c.
        s1: whether z = x′.
        index: (2 · CELLS · REACH,) the panel of each cell of ξ, −1 where there is none.
        starts: (k,) the lower end of each panel in ξ.
        inverses: (k,) 2/(its length).
        density: (k, DEGREE + 1) coefficients of log f by powers of t in [−1, 1].
        tail: those of the logarithm of the smaller tail.
        right: (k,) whether that is P(X > x).
        first: (k,) the logarithm of the tail at the start of each panel.
        error: the largest difference to the direct evaluation that was met between nodes, where tolerated.
    """

    width: float
    s1: bool
    index: np.ndarray[tuple[int], np.dtype[np.int32]]
    starts: Array
    inverses: Array
    density: Array
    tail: Array
    right: np.ndarray[tuple[int], np.dtype[np.int32]]
    first: Array
    error: float


@lru_cache(maxsize=64)
def panels_of(alpha: float, beta: float) -> Panels:
    """The table of the standard law, 0 < α < 2."""
    shift = float(tangent_shift(np.array(alpha), np.array(beta)))
    s1 = abs(alpha - 1.0) > 0.1
    # Below α = 1 the density has a point at x′ = 0, of width |C|^{1/α} Γ(1 + 1/α)^{-1} or so.
    width = 1.0
    if s1 and alpha < 1.0:
        width = 10.0 ** min(0.0, 2.0 - 1.2 / alpha)
    nodes = np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
    tests = np.array([-1.0, -0.93, -0.6, -0.11, 0.37, 0.78, 0.97])
    points = np.concatenate([nodes, tests])
    to_powers = np.zeros((DEGREE + 1, DEGREE + 1))
    for k in range(DEGREE + 1):
        to_powers[k, : k + 1] = chebyshev.cheb2poly(np.eye(DEGREE + 1)[k, : k + 1])

    def direct(xi: Array) -> Array:
        z = width * np.sinh(xi)
        x0, x1 = (z - shift, z) if s1 else (z, z + shift)
        out = np.empty((3, xi.size))
        evaluate(x0, x1, np.full(xi.size, alpha), np.full(xi.size, beta), out)
        return out

    index = np.full(2 * CELLS * REACH, -1, dtype=np.int32)
    starts: list[float] = []
    inverses: list[float] = []
    density: list[Array] = []
    tail: list[Array] = []
    right: list[bool] = []
    worst = 0.0
    for direction in (1, -1):
        cell, cells = 0, 8
        while cell < CELLS * REACH:
            cells = min(cells, CELLS * REACH - cell)
            low, high = sorted((direction * cell / CELLS, direction * (cell + cells) / CELLS))
            values = direct(0.5 * (low + high) + 0.5 * (high - low) * points)
            if np.all(values[0, DEGREE + 1 :] < LOWEST):
                # In a light tail or beyond the support.
                cell, cells = cell + cells, 2 * cells
                continue
            row = 1 if values[1, 0] + values[1, DEGREE] < values[2, 0] + values[2, DEGREE] else 2
            fits, error, good = [], 0.0, bool(np.all(np.isfinite(values[[0, row]])))
            if good:
                for k in (0, row):
                    series = chebyshev.chebfit(nodes, values[k, : DEGREE + 1], DEGREE)
                    powers = series @ to_powers
                    found = np.polynomial.polynomial.polyval(tests, powers)
                    wrong = np.abs(found - values[k, DEGREE + 1 :])
                    good &= bool(np.all(wrong <= TOLERANCE + ROUNDING * np.abs(values[k, DEGREE + 1 :])))
                    error = max(error, float(wrong.max()))
                    fits.append(powers)
            if not good and cells > 1:
                cells //= 2
                continue
            if good:
                first = CELLS * REACH + (cell if direction > 0 else -cell - cells)
                index[first : first + cells] = len(starts)
                starts.append(low)
                inverses.append(2.0 / (high - low))
                density.append(fits[0])
                tail.append(fits[1])
                right.append(row == 1)
                worst = max(worst, error)
            cell += cells
            cells *= 2
    order = np.argsort(starts).astype(np.int64)
    rank = np.empty(len(starts) + 1, dtype=np.int32)
    rank[order] = np.arange(len(starts))
    # The last entry is for cells without a panel, −1.
    rank[-1] = -1
    tails = np.array(tail).reshape(-1, DEGREE + 1)[order]
    return Panels(
        width,
        s1,
        rank[index],
        np.array(starts)[order],
        np.array(inverses)[order],
        np.array(density).reshape(-1, DEGREE + 1)[order],
        tails,
        np.array(right, dtype=np.int32)[order],
        tails @ (-1.0) ** np.arange(DEGREE + 1),
        worst,
    )
