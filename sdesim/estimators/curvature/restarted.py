"""The largest eigenvalue from four vectors: Lanczos, restarted with its best Ritz pairs.

Source: K. Wu and H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue problems", SIAM J.
Matrix Anal. Appl. 22 (2000). After a restart with Ritz vectors Y = VS the relation HY = YΘ + βw sᵀ holds with
the same residual w, so that the space stays a Krylov space and residuals cost nothing.

Vectors are arrays of any library that knows ``@``, ``*=`` and ``+=``, in numbers of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# Vectors of the basis; one more leads out of it. So many are kept by a restart: with the one that leads out
# of the space they are as many as can be before the basis is full.
BASIS, _KEPT = 3, 1
# Coordinates that are turned at once, so that a restart needs no second basis.
_BLOCK = 2**16
# A next vector this short, relative to the spectrum, is rounding: the Krylov space is exhausted.
_EXHAUSTED = 1e-6


@dataclass(frozen=True, eq=False)
class TopPair:
    """λ_max with |Hv − λv|, its vector v (d,), |v| = 1, and the number of products taken.

    ``lowest`` is the lowest Ritz value that was met, an upper bound of λ_min, with its residual.
    """

    value: float
    residual: float
    vector: Any
    products: int
    lowest: float = np.nan
    lowest_residual: float = np.inf


def top_pair_restarted(
    product: Callable[[Any], Any], start: Any, tol: float, most: int, least: int = 1
) -> TopPair:
    """Lanczos in at most four vectors until |Hv − λv| ≤ tol·|λ|, or ``most`` products.

    Args:
        product: v (d,) ↦ Hv (d,), a new array, which is written to.
        start: not 0 (d,), which is written to.
        least: products in any case, unless nothing is left.
    """
    basis, t = [_scaled(start, 1.0 / _norm(start))], np.zeros((BASIS, BASIS))
    value, residual, lowest = np.nan, np.inf, (np.inf, np.inf)
    for count in range(1, most + 1):
        w, last = product(basis[-1]), len(basis) - 1
        # Twice is enough: one pass of Gram–Schmidt leaves errors of the size of the rounding of |w|.
        for _ in range(2):
            # By number: a name would keep a vector that a restart gives up.
            for i in range(len(basis)):
                along = float(basis[i] @ w)
                t[i, last] += along
                _add(w, basis[i], -along)
        t[last] = t[:, last]
        left = _norm(w)
        if not np.isfinite(left) or not np.isfinite(t).all():
            return TopPair(np.nan, np.inf, basis[0], count)
        size = len(basis)
        values, turns = np.linalg.eigh(t[:size, :size])
        value, residual = float(values[-1]), float(left * abs(turns[-1, -1]))
        lowest = min(lowest, (float(values[0]), float(left * abs(turns[-1, 0]))))
        scale = float(np.max(np.abs(values)))
        converged = residual <= tol * abs(value) and count >= least
        ended = left <= _EXHAUSTED * scale or converged or count == most
        if ended:
            del w
            _turn(basis, turns[:, -1:])
            return TopPair(value, residual, basis[0], count, *lowest)
        if size == BASIS:
            best = slice(size - 1, size - 1 - _KEPT, -1)
            _turn(basis, turns[:, best])
            t[:] = 0.0
            t[range(_KEPT), range(_KEPT)] = values[best]
        basis.append(_scaled(w, 1.0 / left))
        t[:, len(basis) - 1] = 0.0
    raise AssertionError("at least one product is taken")


def _norm(v: Any) -> float:
    return math.sqrt(float(v @ v))


def _scaled(v: Any, factor: float) -> Any:
    v *= factor
    return v


def _add(w: Any, v: Any, factor: float) -> None:
    """w ← w + factor·v, block by block."""
    for at in range(0, len(w), _BLOCK):
        w[at : at + _BLOCK] += v[at : at + _BLOCK] * factor


def _turn(basis: list[Any], turns: Any) -> None:
    """The first vectors of the basis become V S (j, k), in place; the rest are given up."""
    kept = turns.shape[1]
    for at in range(0, len(basis[0]), _BLOCK):
        some = [v[at : at + _BLOCK] for v in basis]
        made = [sum(float(turns[i, q]) * v for i, v in enumerate(some)) for q in range(kept)]
        for q in range(kept):
            basis[q][at : at + _BLOCK] = made[q]
    del basis[kept:]
