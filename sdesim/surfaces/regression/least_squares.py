"""Linear least squares on given rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from sdesim.kinds import Misfit, Numbers, kind
from sdesim.kinds.numbers import Array
from sdesim.surfaces.regression.linear import Linear


@kind("surfaces", "least-squares")
@dataclass(frozen=True)
class LeastSquares(Linear):
    """L = (1/n) Σ_i ℓ_i,  ℓ_i = ½ (a_i·θ − b_i)² + ½ ridge |θ|²: |Aθ − b|²/(2n) plus the ridge term.

    The Hessian is AᵀA/n + ridge everywhere. With fewer examples than coordinates and no ridge the minima
    are a whole affine space; its point of least norm stands for it.

    Args:
        A: rows a_i (n, d).
        b: targets (n,).
        ridge: strength of the ridge term.
        start: default starting point (d,); the origin without it.

    Raises:
        Misfit: if a shape or value does not fit.

    Example:
        {kind: least-squares, A: [[1, 0], [0, 2], [1, 1]], b: [1, 0, 1]}
    """

    A: Annotated[Any, Numbers(2)]
    b: Annotated[Any, Numbers(1, 2)]
    ridge: Annotated[float, Ge(0)] = 0.0
    given_start: Annotated[Any, Numbers(1)] | None = field(default=None, metadata={"called": "start"})

    def __post_init__(self) -> None:
        n, d = self.A.shape
        if self.b.shape not in ((n,), (n, 1)):
            raise Misfit("b", f"found shape {self.b.shape}, allowed: {(n,)}, a target for each row of A")
        object.__setattr__(self, "b", self.b.reshape(-1))
        if self.given_start is not None and len(self.given_start) != d:
            raise Misfit("start", f"found {len(self.given_start)} numbers, allowed: {d}, the columns of A")

    @property
    def dim(self) -> int:
        """d."""
        return int(self.A.shape[1])

    @property
    def examples(self) -> int:
        """n."""
        return int(self.A.shape[0])

    @property
    def start(self) -> Array:
        """The given one, or the origin (d,)."""
        return np.zeros(self.dim) if self.given_start is None else np.array(self.given_start)

    def _problem(self) -> tuple[Array, Array, float]:
        return self.A, self.b, self.ridge
