"""How the columns of B(t, x) go together, which decides whether a strong order of 1 is to be had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.tuples import states_beside

Array = NDArray[np.float64]
# "diagonal": B dW = (b_k(t, x_k) dW_k); "commutative": L_i b_j = L_j b_i with L_j = Σ_l B_lj ∂_l.
Structure = Literal["additive", "diagonal", "commutative", "general"]
_STEP, _SAME, _FLOOR = 6.0554544523933395e-06, 1e-6, 1e-4


def structure_of(diffusion: Callable[[Array, float], Array], start: Array) -> Structure:
    """Which of these a B(x, t): (n, d), t → (n, d, k) is, at the start and eight states beside it, at t = 0
    and 1.

    Derivatives are central differences; columns commute where L_i b_j and L_j b_i agree to 10⁻⁶ of what they
    are sums of. States at which B is no number don't count.
    """
    diagonal, seen = True, 0
    for t in (0.0, 1.0):
        for x in states_beside(start):
            b, slopes = _derivatives(diffusion, x, t)
            if not (np.isfinite(b).all() and np.isfinite(slopes).all()):
                continue
            seen += 1
            scale = _FLOOR * np.abs(b).max() ** 2 / (1.0 + np.abs(x).max())
            # L_i b_j (d,) for all i and j: (k, d, k).
            along = np.einsum("li,lmj->imj", b, slopes)
            sums = np.einsum("li,lmj->imj", np.abs(b), np.abs(slopes))
            room = _SAME * (sums + np.swapaxes(sums, 0, 2) + scale)
            if (np.abs(along - np.swapaxes(along, 0, 2)) > room).any():
                return "general"
            diagonal = diagonal and _is_diagonal(b, slopes)
    if not seen:
        return "general"
    return "diagonal" if diagonal else "commutative"


def _derivatives(diffusion: Callable[[Array, float], Array], x: Array, t: float) -> tuple[Array, Array]:
    """B (d, k) and ∂_l B (d, d, k)."""
    steps = np.diag(_STEP * (1.0 + np.abs(x)))
    ahead, behind = x + steps, x - steps
    gaps = (np.diagonal(ahead) - np.diagonal(behind))[:, None, None]
    with np.errstate(all="ignore"):
        values = diffusion(np.concatenate([x[None], ahead, behind]), t)
        return values[0], (values[1 : 1 + len(x)] - values[1 + len(x) :]) / gaps


def _is_diagonal(b: Array, slopes: Array) -> bool:
    """Whether B is a square diagonal whose entries depend on their own coordinate alone."""
    d, k = b.shape
    if d != k:
        return False
    others = ~np.eye(d, dtype=bool)
    own = np.diagonal(slopes, axis1=1, axis2=2)
    return not (b[others].any() or slopes[:, others].any()) and bool(
        (np.abs(own[others]) <= _SAME * _FLOOR * np.abs(b).max()).all()
    )
