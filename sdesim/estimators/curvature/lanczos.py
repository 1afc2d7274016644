"""Lanczos tridiagonalisation with full reorthogonalisation, one product at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

Array = NDArray[np.float64]
HessianVectorProduct = Callable[[Array], Array]
# A next vector this short, relative to the spectrum, is rounding: the Krylov space is exhausted.
EXHAUSTED = 1e-14


@dataclass(frozen=True)
class Ritz:
    """Eigenvalues θ of the tridiagonal T (ascending), residuals |Hv − θv| and first components²."""

    values: Array
    residuals: Array
    weights: Array
    iterations: int

    @property
    def scale(self) -> float:
        """Largest |θ|."""
        return float(np.max(np.abs(self.values)))

    @property
    def finite(self) -> bool:
        """Whether every product was finite."""
        return bool(np.isfinite(self.values).all())


def ritz(alphas: list[float], betas: list[float]) -> Ritz:
    """Ritz pairs of T with diagonal alphas (j,) and off-diagonal betas[:-1]; betas[-1] leads out of it."""
    values, vectors = eigh_tridiagonal(np.array(alphas), np.array(betas[:-1]))
    return Ritz(values, np.abs(betas[-1] * vectors[-1]), vectors[0] ** 2, len(alphas))


def lanczos_steps(
    hvp: HessianVectorProduct, start: Array, most: int
) -> Iterator[tuple[list[float], list[float]]]:
    """(alphas, betas) after each of at most ``most`` products; NaN ends it. The lists are the same ones."""
    dim = start.size
    v = start / np.linalg.norm(start)
    basis = np.empty((min(most, dim), dim))
    alphas: list[float] = []
    betas: list[float] = []
    for j in range(len(basis)):
        basis[j] = v
        w = np.asarray(hvp(v), dtype=np.float64).reshape(dim)
        if not np.all(np.isfinite(w)):
            alphas.append(np.nan)
            betas.append(np.nan)
            yield alphas, betas
            return
        alphas.append(float(v @ w))
        # Twice is enough: one pass of Gram–Schmidt leaves errors of the size of the rounding of |w|.
        for _ in range(2):
            w = w - basis[: j + 1].T @ (basis[: j + 1] @ w)
        betas.append(float(np.linalg.norm(w)))
        yield alphas, betas
        if betas[-1] == 0.0:
            return
        v = w / betas[-1]


def outer_ritz(
    hvp: HessianVectorProduct, start: Array, k: int, tol: float, most: int, ends: str = "both", least: int = 0
) -> Ritz:
    """Lanczos until the k outermost pairs at both ends (or the "top" alone) have residual ≤ tol·max|θ|, and
    ``least`` products are done."""
    found = Ritz(np.array([np.nan]), np.array([np.inf]), np.array([1.0]), 0)
    for alphas, betas in lanczos_steps(hvp, start, most):
        if not np.isfinite(alphas[-1]):
            return Ritz(np.array([np.nan]), np.array([np.inf]), np.array([1.0]), len(alphas))
        found = ritz(alphas, betas)
        if betas[-1] <= EXHAUSTED * found.scale or found.scale == 0.0:
            break
        outer = found.residuals[-k:]
        if ends == "both":
            outer = np.concatenate([found.residuals[:k], outer])
        if len(alphas) >= max(2 * k, least) and np.all(outer <= tol * found.scale):
            break
    return found
