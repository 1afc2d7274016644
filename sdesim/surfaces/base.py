"""What every loss surface offers, and how the engine finds its compiled functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.kinds.numbers import Array, as_theta


def no_array() -> Array:
    """The (0, 0) array that stands for "no data" in a kernel's arguments."""
    return np.zeros((0, 0))


@dataclass(frozen=True)
class SurfaceKernel:
    """Names and arguments of a surface's compiled functions.

    The functions live at module level (so that they can be cached on disk) and work on a block of W
    trajectories; arrays are C-contiguous float64 with layout (d, W):

    - ``grad(x, params, data0, data1, out)``: out (d, W) = ∇L at each column of x;
    - ``weighted_grad(x, weights, params, data0, data1, out)``: out = Σ_i weights[i, w] ∇ℓ_i(x[:, w]),
      weights (n, W), for surfaces that are a mean of n examples;
    - ``hvp(x, v, params, data0, data1, out)``: out (d, W) = ∇²L(x) v, column by column;
    - ``loss(x, params, data0, data1, out)``: out (W,) = L at each column;
    - ``well(x, lane, params) -> int``: index of the well that column ``lane`` is in, −1 for none.

    Attributes:
        module: dotted name of the module that holds the functions.
        grad: name of the gradient function.
        loss: name of the loss function.
        params: float64 (p,).
        data0: float64, two-dimensional; (0, 0) when unused.
        data1: float64, two-dimensional; (0, 0) when unused.
        weighted_grad: name of the per-example function, or None.
        examples: n, the number of examples; 0 if the loss is not a finite sum.
        well: name of the well function, or None.
        lanes: the largest block width W that suits the surface.
        hvp: name of the Hessian-vector product, or None.
        functions: for surfaces whose functions can't be imported (a user's, torch's): compiled functions by
            the names above ("grad", "loss", …); ``module`` is then empty.
    """

    module: str
    grad: str
    loss: str
    params: Array
    data0: Array = field(default_factory=no_array)
    data1: Array = field(default_factory=no_array)
    weighted_grad: str | None = None
    examples: int = 0
    well: str | None = None
    lanes: int = 512
    hvp: str | None = None
    functions: Mapping[str, Any] = field(default_factory=dict)


class Surface(Protocol):
    """A loss L: ℝ^d → ℝ with its derivatives. Methods broadcast over the leading axes of theta (…, d)."""

    @property
    def dim(self) -> int:
        """Number of coordinates d."""
        ...

    @property
    def start(self) -> Array:
        """Default starting point θ₀ (d,)."""
        ...

    @property
    def wells(self) -> tuple[str, ...]:
        """Names of the wells, in the order of `minima` and of the indices that `well` returns."""
        ...

    def loss(self, theta: ArrayLike) -> Array:
        """L(θ): (…, d) → (…)."""
        ...

    def grad(self, theta: ArrayLike) -> Array:
        """∇L(θ): (…, d) → (…, d)."""
        ...

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ) v: (…, d), (…, d) → (…, d)."""
        ...

    def minima(self) -> Array:
        """Local minima (m, d)."""
        ...

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Index of the well in which θ lies, −1 for none: (…, d) → (…)."""
        ...

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        ...


def hessian(surface: Surface, theta: ArrayLike) -> Array:
    """∇²L(θ) as a dense matrix, from d Hessian-vector products: (…, d) → (…, d, d).

    Raises:
        SdesimError: if theta does not have the surface's dimension.
    """
    points = as_theta(theta, surface.dim)
    matrix = surface.hvp(points[..., None, :], np.eye(surface.dim))
    return 0.5 * (matrix + np.swapaxes(matrix, -1, -2))
