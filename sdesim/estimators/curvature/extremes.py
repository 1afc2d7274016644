"""Both ends of a spectrum in a search space that remembers: known products, last time's Ritz vectors, and a
Krylov space of a random vector.

Rayleigh–Ritz in any space V with known products W = HV gives θ = max eig VᵀHV ≤ λ_max for certain, and the
residual |Wy − θVy| within which an eigenvalue lies. A space that holds nothing but what was the top
eigenvector before would call it converged at once, although another direction may have overtaken it: random
parts of a start vector are too small to show in the residual. So the space always holds the Krylov space of a
vector that is random for a good part, of so many products that an eigenvalue well above the others shows, and
the second Ritz vector of the time before, into which one that was missed grows.

Source: R. Morgan, "On restarting the Arnoldi method for large nonsymmetric eigenvalue problems", Math. Comp.
65 (1996): Krylov spaces augmented by approximate eigenvectors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.estimators.curvature.edges import Ends

Array = NDArray[np.float64]
# A direction is left out that the space holds but for so much: of those with a known image, whose errors grow
# by as much as the direction is lengthened, and of others.
_KNOWN, _HELD = 1e-3, 1e-7


@dataclass(frozen=True, eq=False)
class Extremes:
    """The ends, and what the next search begins with.

    Attributes:
        ends: outermost Ritz values and their residuals.
        vectors: Ritz vectors (3, d) of the largest, the second and the smallest value, |v| = 1; None where a
            product was not finite.
        products: how many were taken.
    """

    ends: Ends
    vectors: Array | None
    products: int


def extremes(
    product: Callable[[Array], Array], dim: int, rng: np.random.Generator, *, tol: float, least: int,
    most: int, last: Array | None = None, known: Sequence[tuple[Array, Array]] = (),
) -> Extremes:  # fmt: skip
    """Both ends; the search stops once the residual of the top is small.

    Args:
        product: v (d,) ↦ Hv (d,), symmetric. dim: d. rng: of the random vector.
        tol: residual of the top relative to the largest |Ritz value|.
        least: products along the random vector. most: of all.
        last: ``vectors`` of an earlier search, at another θ; None: there was none.
        known: v and Hv (d,), which cost nothing.

    Raises:
        EstimatorError: d < 1, or not 1 ≤ least ≤ most.
    """
    if dim < 1 or not 1 <= least <= most:
        raise EstimatorError(f"expected dim >= 1 and 1 <= least <= most, got {dim}, {least}, {most}")
    space = _Space(product, dim, most + len(known))
    for v, image in known:
        space.add(v, image)
    fresh = rng.standard_normal(dim)
    fresh /= np.linalg.norm(fresh)
    if last is not None:
        space.add(last[0])
        # As long as the random vector, so that the chain finds them again.
        fresh += last[1] + last[2]
    chain, found, grown = 0, space.ritz(), space.add(fresh)
    while grown:
        chain, found = chain + 1, space.ritz()
        enough = chain >= least and found.residual(-1) <= tol * np.abs(found.values).max()
        if enough or space.products >= most or not np.isfinite(found.values).all():
            break
        # Along the random vector's chain first, then along what the top misses.
        grown = space.add(space.last_image if chain < least else found.missing(-1))
    return Extremes(Ends(*found.outer()), found.chosen(), space.products)


class _Space:
    """An orthonormal basis V (k, d) with W = HV."""

    def __init__(self, product: Callable[[Array], Array], dim: int, most: int) -> None:
        self._product, self.products, self._size = product, 0, 0
        most = min(most, dim)
        self._v, self._w = np.empty((most, dim)), np.empty((most, dim))

    def add(self, v: Array, image: Array | None = None) -> bool:
        """One direction more; False where the space holds it already, or is full."""
        k, length = self._size, float(np.linalg.norm(v))
        if k == len(self._v) or not 0 < length < np.inf:
            return False
        basis, images = self._v[:k], self._w[:k]
        w, moved = v / length, None if image is None else image / length
        # Twice is enough: one pass of Gram–Schmidt leaves errors of the size of the rounding of |w|.
        for _ in range(2):
            along = basis @ w
            w = w - along @ basis
            moved = None if moved is None else moved - along @ images
        left = float(np.linalg.norm(w))
        if left <= (_HELD if moved is None else _KNOWN):
            return False
        self._v[k] = w / left
        if moved is None:
            self.products += 1
            self._w[k] = np.asarray(self._product(self._v[k]), dtype=np.float64).reshape(w.shape)
        else:
            self._w[k] = moved / left
        self._size += 1
        return True

    @property
    def last_image(self) -> Array:
        """H of the newest direction."""
        return np.asarray(self._w[self._size - 1])

    def ritz(self) -> _Ritz:
        """The Ritz pairs as they are now."""
        v, w = self._v[: self._size], self._w[: self._size]
        if not self._size or not np.isfinite(w).all():
            return _Ritz(v, w, np.array([np.nan]), np.zeros((self._size, 1)))
        inner = v @ w.T
        values, turns = np.linalg.eigh((inner + inner.T) / 2)
        return _Ritz(v, w, values, turns)


@dataclass(frozen=True, eq=False)
class _Ritz:
    """Values (ascending) and vectors y = Vs of columns s of ``turns``."""

    v: Array
    w: Array
    values: Array
    turns: Array

    def missing(self, at: int) -> Array:
        """Hy − θy."""
        s = self.turns[:, at]
        return np.asarray(s @ self.w - self.values[at] * (s @ self.v))

    def residual(self, at: int) -> float:
        """|Hy − θy|; ∞ where a product was not finite."""
        return float(np.linalg.norm(self.missing(at))) if np.isfinite(self.values[at]) else np.inf

    def outer(self) -> tuple[float, float, float, float]:
        """Lowest and highest value, and their residuals."""
        return float(self.values[0]), float(self.values[-1]), self.residual(0), self.residual(-1)

    def chosen(self) -> Array | None:
        """Vectors of the largest, the second and the smallest value."""
        if not np.isfinite(self.values).all():
            return None
        chosen = self.turns[:, [-1, max(-2, -len(self.values)), 0]]
        return np.asarray(chosen.T @ self.v)
