"""Descent on quadratics of any condition, followed exactly through its second moments; nothing is drawn.

For L = Σ λ_i θ_i²/2 and g = Hθ + ε, Cov ε = T diag(s), Σ s_i = 1, the moments m_i = E θ_i² obey

    m_i ← (1 − ηλ_i)² m_i + η² T s_i.

Where noise keeps C, T = Σ λ_j² m_j/C, this is m ← A m with A = diag((1 − ηλ)²) + (η²/C) s (λ²)ᵀ: in the long
run the mean loss falls by the largest eigenvalue ρ of A. Every entry of the symmetric matrix with the same
eigenvalues is convex in η, so ρ is, and its minimum is the best constant rate. ρ = 1 where
Σ s_i r_i/(2 − r_i) = C, r = ηλ: the edge of stability that noise leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from .estimates import Array

CONDITIONS = (1e2, 1e4)
DIRECTIONS = 50


def spectrum(condition: float, d: int = DIRECTIONS) -> Array:
    """Eigenvalues λ (d,) from 1 down to 1/condition, evenly spaced in their logarithm."""
    return np.geomspace(1.0, 1.0 / condition, d)


def shapes(lam: Array) -> dict[str, Array]:
    """Shares s (d,) of the noise: the same in all directions, as the Hessian, all in the sharpest."""
    top = np.zeros_like(lam)
    top[int(np.argmax(lam))] = 1.0
    return {
        "isotropic": np.full(lam.size, 1 / lam.size),
        "as the Hessian": lam / lam.sum(),
        "sharpest direction": top,
    }


def contraction(eta: float, lam: Array, s: Array, c: float) -> float:
    """ρ, the factor that the mean loss takes per step in the long run; c = inf: without noise."""
    square = (1 - eta * lam) ** 2
    if math.isinf(c):
        return float(square.max())
    w = eta * lam * np.sqrt(s / c)
    return float(np.linalg.eigvalsh(np.diag(square) + np.outer(w, w))[-1])


def edge(lam: Array, s: Array, c: float) -> float:
    """The rate η beyond which the mean loss grows, ρ = 1."""
    top = 2 / float(lam.max())
    if math.isinf(c):
        return top

    def excess(eta: float) -> float:
        r = eta * lam
        return float((s * r / (2 - r)).sum()) - c

    # Where no noise falls on the sharpest direction the bound without noise may come first.
    last = top * (1 - 1e-12)
    return top if excess(last) <= 0 else float(brentq(excess, 0.0, last, xtol=1e-15))


def best(lam: Array, s: Array, c: float) -> tuple[float, float]:
    """The best constant rate η and its ρ."""
    found = minimize_scalar(
        lambda eta: contraction(eta, lam, s, c), bounds=(0.0, edge(lam, s, c)), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    return float(found.x), float(found.fun)


def followed(
    lam: Array, noise: Array, base: Array, steps: int, factor: Callable[[Array, int], Array]
) -> tuple[Array, Array]:
    """Mean loss and p of a descent under additive noise Cov ε = diag(noise) from E θ_i² = 1.

    Args:
        lam, noise: (d,).
        base: base rates (k,), side by side.
        factor: (p (k,), step) → what the base rates are multiplied by at this step.

    Returns:
        loss (1 + steps, k) and p (1 + steps, k); inf and NaN where the descent is lost.
    """
    moments = np.ones((base.size, lam.size))
    loss, p = np.empty((2, 1 + steps, base.size))
    # Descents that are lost overflow, and are inf or NaN from then on.
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1 + steps):
            c = (moments * lam**2).sum(axis=1) / noise.sum()
            loss[t], p[t] = (moments * lam).sum(axis=1) / 2, c / (1 + c)
            eta = (base * factor(p[t], t))[:, None]
            moments = (1 - eta * lam) ** 2 * moments + eta**2 * noise
    return loss, p
