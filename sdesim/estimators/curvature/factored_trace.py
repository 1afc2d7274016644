"""Tr KΣ of a symmetric operator K and a covariance Σ = F Fᵀ, from products with K.

With random signs z E (Fz)ᵀK(Fz) = Tr KΣ, each with a relative error of √(2/d_eff), where d_eff = (Σλ)²/Σλ² of
FᵀKF, which is often 3 to 10. So the largest part is taken out first: with Q (k, r) a basis of the range of
FᵀKF times r random sign vectors,

    Tr KΣ = Tr (FQ)ᵀK(FQ) + E (F(1 − QQᵀ)z)ᵀK(F(1 − QQᵀ)z),

the first exactly, for any Q, and the second as the mean of as many draws as are wanted. R. Meyer, C. Musco,
C. Musco & D. Woodruff, "Hutch++: optimal stochastic trace estimation" (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sdesim.estimators.core.covariance import Covariance

Array = NDArray[np.float64]
# Of so few columns or coordinates the trace is read off unit vectors.
_FEW = 64
# More than the outliers that a network of ten classes has: of eight the rest is so skewed that intervals of
# nominal 95% from 16 draws hold the trace in 0.88, of sixteen from 24 draws in 0.94 to 0.96.
_SKETCH = 16
# Vectors that are held at a time.
_BLOCK = 8


class FactoredTrace:
    """Tr KΣ, with as many draws as wanted.

    Args:
        product: K v of each row, (m, d) → (m, d). covariance: Σ. rng: of the signs.
        shared: a cheaper one, K_i v_i of each row with random K_i of mean K, drawn anew in each call, for the
            basis and the random draws, neither of which it biases; None: product.

    Attributes:
        draws: random draws that the value is made of; 0 where it is exact.
    """

    def __init__(
        self, product: Callable[[Array], Array], covariance: Covariance, rng: np.random.Generator,
        shared: Callable[[Array], Array] | None = None,
    ) -> None:  # fmt: skip
        self._product, self._covariance, self._rng = product, covariance, rng
        self._shared = product if shared is None else shared
        self._basis: Array | None = None
        self._terms = np.zeros(0)
        rank, dim = covariance.rank, len(covariance.variance)
        if min(rank, dim) <= _FEW:
            self._base = self._exactly(rank, dim)
            return
        signs = self._signs(_SKETCH)
        found = covariance.backward(self._shared(covariance.forward(signs)))
        self._basis = np.asarray(np.linalg.qr(found.T)[0].T)
        self._base = float(self._forms(self._basis, product).sum())

    def _exactly(self, rank: int, dim: int) -> float:
        if rank <= dim:
            return float(self._forms(np.eye(rank), self._product).sum())
        unit = np.eye(dim)
        moved = self._covariance.forward(self._covariance.backward(unit))
        return float(np.einsum("ij,ij->", self._product(unit), moved))

    def _signs(self, count: int) -> Array:
        bits = self._rng.integers(0, 2, (count, self._covariance.rank), dtype=np.int8)
        return np.asarray(2.0 * bits - 1.0, dtype=np.float64)

    def _forms(self, z: Array, product: Callable[[Array], Array]) -> Array:
        """(Fz)ᵀK(Fz) of each row."""
        along = self._covariance.forward(z)
        return np.asarray(np.einsum("ij,ij->i", along, product(along)))

    def more(self, draws: int) -> None:
        """Go on to so many draws in all; nothing where the value is exact."""
        if self._basis is None:
            return
        for _ in range(math.ceil((draws - len(self._terms)) / _BLOCK)):
            z = self._signs(_BLOCK)
            z -= (z @ self._basis.T) @ self._basis
            self._terms = np.concatenate([self._terms, self._forms(z, self._shared)])

    @property
    def draws(self) -> int:
        """How many draws there are."""
        return len(self._terms)

    @property
    def exact(self) -> bool:
        """Whether the value has no error but rounding."""
        return self._basis is None

    @property
    def value(self) -> float:
        """Tr KΣ; NaN before the first draws."""
        if self._basis is None:
            return self._base
        return self._base + float(self._terms.mean()) if len(self._terms) else math.nan

    @property
    def error(self) -> float:
        """Standard error: 0 where exact, NaN of fewer than 2 draws."""
        if self._basis is None:
            return 0.0
        if len(self._terms) < 2:
            return math.nan
        return float(self._terms.std(ddof=1)) / math.sqrt(len(self._terms))

    def half_width(self, level: float = 0.95) -> float:
        """Half of Student's interval."""
        if self._basis is None:
            return 0.0
        return float(stdtrit(len(self._terms) - 1, 0.5 + level / 2)) * self.error
