"""Whether an operator is symmetric, seen from the products that an eigenvalue search asks for anyway."""

from __future__ import annotations

import numpy as np

from sdesim.estimators.curvature.lanczos import Array, HessianVectorProduct

FLAG = "not_symmetric"
# Of the size of a product: far above the rounding of single precision and of second derivatives by
# differences, far below what an operator that is no second derivative shows.
_ROUNDING = 1e-3


class Watched:
    """An operator v ↦ H v, with the largest |u·Hv − v·Hu| of two products one after the other.

    Residuals bound the distance to an eigenvalue of symmetric operators alone: of others a Lanczos value
    means nothing, and its interval less.
    """

    def __init__(self, hvp: HessianVectorProduct) -> None:
        self._hvp = hvp
        self._last: tuple[Array, Array] | None = None
        self.symmetric = True

    def __call__(self, v: Array) -> Array:
        w = np.asarray(self._hvp(v), dtype=np.float64).reshape(np.shape(v))
        if self._last is not None and self.symmetric:
            before, product = self._last
            apart = abs(float(v @ product) - float(before @ w))
            size = float(np.linalg.norm(v) * np.linalg.norm(product))
            size += float(np.linalg.norm(before) * np.linalg.norm(w))
            # NaN is no asymmetry: it is told as `nonfinite`.
            self.symmetric = not apart > _ROUNDING * size
        self._last = np.array(v, dtype=np.float64), np.array(w)
        return w

    @property
    def flags(self) -> tuple[str, ...]:
        """What an estimate made of these products must carry."""
        return () if self.symmetric else (FLAG,)
