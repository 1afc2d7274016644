"""λ_max of the mean Hessian of N examples from n < N of them: its bias upwards, and its error.

λ_max of a sub-sample is too high, because the top eigenvector fits the sub-sample's own noise: E λ_max(H_n) ≥
λ_max(H_N), by convexity. Along the top eigenvector v_A of one half A the other half says vᵀ_A H_B v_A, whose
expectation is that of v_AᵀH_N v_A ≤ λ_max(H_N). So the truth lies between the crossed value and that of the
sub-sample, each with the error of its draw of examples. Between them stands the value that is linear in 1/n
through the halves and the whole, taken to 1/N:

    λ_N ≈ λ_n − (λ_{n/2} − λ_n)(1 − n/N).

It removes the bias where the top eigenvalue stands apart; on a flat spectrum some remains, which the interval
holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from sdesim.estimators.curvature.lanczos import lanczos_steps

Array = NDArray[np.float64]
Product = Callable[[Array], Array]
Vector = TypeVar("Vector")
# Groups of each half, whose spread along an eigenvector tells the error of the draw.
GROUPS = 8
# Of the eigenvalue of a half: residual relative to it, and products at most.
TOLERANCE, PRODUCTS = 1e-2, 25


@dataclass(frozen=True)
class Subsampled:
    """What two halves of a sub-sample say.

    Attributes:
        halves: mean of their own largest eigenvalues.
        crossed: mean of vᵀHv of each half along the top eigenvector of the other.
        error: standard error of that mean over the draw of n out of N examples.
    """

    halves: float
    crossed: float
    error: float


def subsampled(
    product: Callable[[NDArray[np.int64]], Product], n: int, total: int, dim: int, rng: np.random.Generator
) -> Subsampled:
    """Compare two random halves of n examples.

    Args:
        product: numbers of examples, of 0 … n − 1 → product of their mean Hessian with a vector (d,).
        n: examples at hand, at least 2·`GROUPS`. total: N, of which they were drawn without replacement.
        dim: d.
    """
    order = rng.permutation(n)
    start = rng.standard_normal(dim)
    return halves_compared(
        order, total, lambda rows: top_pair(product(rows), start), lambda v, rows: float(v @ product(rows)(v))
    )


def halves_compared(
    order: NDArray[np.int64], total: int, top: Callable[[NDArray[np.int64]], tuple[float, Vector]],
    bend: Callable[[Vector, NDArray[np.int64]], float],
) -> Subsampled:  # fmt: skip
    """The same of vectors of any kind, one eigenvector at a time.

    Args:
        order: the n examples at hand, in random order. total: N.
        top: numbers of examples → largest eigenvalue and eigenvector of their mean Hessian.
        bend: (v, numbers of examples) → vᵀHv of their mean Hessian.
    """
    n = len(order)
    halves = order[: n // 2], order[n // 2 :]
    tops, along = [], []
    for half, other in (halves, halves[::-1]):
        value, v = top(np.sort(half))
        tops.append(value)
        along.append([bend(v, np.sort(g)) for g in np.array_split(other, GROUPS)])
    values = np.array(along)
    spread = values.var(axis=1, ddof=1).mean() / values.size
    left = max(0.0, 1.0 - n / total)
    return Subsampled(float(np.mean(tops)), float(values.mean()), float(np.sqrt(spread * left)))


def top_pair(product: Product, start: Array) -> tuple[float, Array]:
    """The largest eigenvalue and its eigenvector (d,), |v| = 1, by Lanczos to a hundredth."""
    basis: list[Array] = []

    def watched(v: Array) -> Array:
        basis.append(v.copy())
        return product(v)

    value, weights = np.nan, np.ones(1)
    for alphas, betas in lanczos_steps(watched, start, min(PRODUCTS, start.size)):
        if not np.isfinite(alphas[-1]):
            return np.nan, np.full(start.size, np.nan)
        values, vectors = eigh_tridiagonal(np.array(alphas), np.array(betas[:-1]))
        value, weights = float(values[-1]), vectors[:, -1]
        if abs(betas[-1] * weights[-1]) <= TOLERANCE * abs(value):
            break
    v = np.einsum("j,jd->d", weights, np.array(basis))
    return value, v / np.linalg.norm(v)


def debiased(whole: Array, halves: Array, crossed: Array, n: float, total: float) -> Array:
    """λ_N of the formula above, between the crossed value and that of the whole sub-sample."""
    found = whole - (halves - whole) * (1 - n / total)
    return np.clip(found, np.minimum(crossed, whole), whole)
