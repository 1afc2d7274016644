"""What every loss surface offers, how the engine finds its compiled functions, and the base to subclass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled import blocks
from sdesim.errors import SdesimError
from sdesim.kinds.bases import Defaults, default
from sdesim.kinds.numbers import Array, as_theta
from sdesim.kinds.registry import fields_of
from sdesim.kinds.spelling import short


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
    - ``well(x, lane, params) -> int``: index of the well that column ``lane`` is in, −1 for none;
    - ``factor(x, w, params, data0, data1, out)``: out (d, W) = B(x) w column by column, w (k, W), of an
      equation dx = f dt + B dW, whose ``grad`` is −f;
    - ``slope(y, i, params)``: ∂L/∂x_i at x_i = y, for sums of functions of one coordinate each: the very bits
      of ``grad``. Steps then take it in, and hold no gradient.

    Attributes:
        module: dotted name of the module that holds the functions.
        grad: name of the gradient function.
        loss: name of the loss function; None where there is no loss.
        params: float64 (p,).
        data0: float64, two-dimensional; (0, 0) when unused.
        data1: float64, two-dimensional; (0, 0) when unused.
        weighted_grad: name of the per-example function, or None.
        examples: n, the number of examples; 0 if the loss is not a finite sum.
        well: name of the well function, or None.
        lanes: the largest block width W that suits the surface.
        hvp: name of the Hessian-vector product, or None.
        factor: name of the function B w, or None.
        factors: k, how many Wiener processes drive it of itself.
        timed: whether params[0] is the time, which the engine sets.
        slope: name of the slope along one coordinate, or None.
        functions: for surfaces whose functions can't be imported (a user's, torch's): compiled functions by
            the names above ("grad", "loss", …); ``module`` is then empty.
    """

    module: str
    grad: str
    loss: str | None
    params: Array
    data0: Array = field(default_factory=no_array)
    data1: Array = field(default_factory=no_array)
    weighted_grad: str | None = None
    examples: int = 0
    well: str | None = None
    lanes: int = 512
    hvp: str | None = None
    factor: str | None = None
    factors: int = 0
    timed: bool = False
    slope: str | None = None
    functions: Mapping[str, Any] = field(default_factory=dict)

    def offers(self, role: str) -> bool:
        """Whether there is a function of that role, one of the names above."""
        return role in self.functions or getattr(self, role) is not None

    def function(self, role: str) -> Any:
        """The compiled function of a role.

        Raises:
            SdesimError: if there is none.
        """
        if not self.offers(role):
            raise SdesimError(f"the kernel {self.module or 'in memory'} has no {role}")
        if role in self.functions:
            return self.functions[role]
        return getattr(import_module(self.module), getattr(self, role))

    @property
    def arrays(self) -> blocks.Arrays:
        """params, data0 and data1, as the functions take them."""
        return self.params, self.data0, self.data1


class Evaluation(Protocol):
    """Accuracies and test losses of the model that θ stands for."""

    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names ("train_accuracy", "test_loss", "test_accuracy") → (k,) for points theta (k, d)."""
        ...


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

    @property
    def groups(self) -> Mapping[str, slice]:
        """Coordinates of each layer of a network; empty for others."""
        ...

    @property
    def examples(self) -> int:
        """n where the loss is a mean over n examples, else 0."""
        ...

    @property
    def growth(self) -> float | None:
        """p such that |L(θ)| ≤ c (1 + |θ|^p) everywhere; None where none is known."""
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

    def saddles(self, well: int) -> Array:
        """Saddles on the boundary of a well, (m, d)."""
        ...

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Index of the well in which θ lies, −1 for none: (…, d) → (…)."""
        ...

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        ...

    def evaluation(
        self, x_test: ArrayLike | None = None, y_test: ArrayLike | None = None, labelled: bool | None = None
    ) -> Evaluation | None:
        """What reads accuracies and test losses off θ; None where θ stands for no model."""
        ...


class Base(Defaults):
    """What a surface of one's own inherits.

    A frozen dataclass with `dim` and `kernel` is a whole surface: the values in Python come from the compiled
    functions unless the class has its own. What a surface does not have is refused when it is asked for,
    never approximated.
    """

    @default
    def dim(self) -> int:
        """Number of coordinates d, known without loading anything."""
        raise SdesimError(f"{type(self).__name__} must have dim, its number of coordinates")

    @default
    def start(self) -> Array:
        """Default starting point θ₀ (d,): the origin."""
        return np.zeros(self.dim)

    @default
    def wells(self) -> tuple[str, ...]:
        """Names of the wells: none."""
        return ()

    @default
    def groups(self) -> Mapping[str, slice]:
        """Coordinates of each layer: none."""
        return {}

    @default
    def examples(self) -> int:
        """0: the loss is no mean over examples."""
        return 0

    @default
    def numbers(self) -> float:
        """Numbers that it holds, reckoned before any is made: d, and those of surfaces and data within it."""
        within = [part for value in fields_of(self).values() for part in _parts(value)]
        return float(self.dim) + sum(float(getattr(part, "numbers", 0.0)) for part in within)

    @default
    def growth(self) -> float | None:
        """None: how fast the loss grows is not known."""
        return None

    @default
    def single(self) -> bool:
        """False: the compiled functions are for float64.

        True where they also work on blocks, params and data of float32 (losses stay float64): with no helper
        that looks at bits, and no arrays of their own.
        """
        return False

    def at(self, time: float) -> Surface:
        """The surface of a moment: itself, where it does not change."""
        return self

    def problems_until(self, time: float) -> Iterator[tuple[str, str]]:
        """(field, message) of what is no number somewhere in [0, time]: none."""
        yield from ()

    def kernel(self) -> SurfaceKernel:
        """The compiled side; every surface has its own.

        Raises:
            SdesimError: always.
        """
        raise SdesimError(f"{type(self).__name__} must have kernel(), which names its compiled functions")

    def loss(self, theta: ArrayLike) -> Array:
        """L(θ), by the compiled function: (…, d) → (…)."""
        kernel = self.kernel()
        return blocks.losses(kernel.function("loss"), self.dim, theta, kernel.arrays)

    def grad(self, theta: ArrayLike) -> Array:
        """∇L(θ), by the compiled function: (…, d) → (…, d)."""
        kernel = self.kernel()
        return blocks.gradients(kernel.function("grad"), self.dim, theta, kernel.arrays)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ) v, by the compiled function: (…, d), (…, d) → (…, d)."""
        kernel = self.kernel()
        return blocks.products(kernel.function("hvp"), self.dim, theta, v, kernel.arrays)

    def weighted_gradient(self, theta: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ), by the compiled function: (d,), (n,) → (d,)."""
        kernel = self.kernel()
        column = as_theta(weights, self.examples, "weights")
        return blocks.weighted(kernel.function("weighted_grad"), self.dim, theta, column, kernel.arrays)

    def minima(self) -> Array:
        """None is known: (0, d)."""
        return np.zeros((0, self.dim))

    def saddles(self, well: int) -> Array:
        """Saddles on the boundary of a well (m, d), sought numerically: `sdesim.surfaces.saddles`."""
        from sdesim.surfaces.saddles import find_saddles

        return find_saddles(self, well)

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Index of the well in which θ lies, by the compiled function; −1 without wells: (…, d) → (…)."""
        points = as_theta(theta, self.dim)
        if not self.wells:
            return np.full(points.shape[:-1], -1, dtype=np.int64)
        kernel = self.kernel()
        columns = np.array(points.reshape(-1, self.dim).T, order="C")
        inside = kernel.function("well")
        found = [inside(columns, k, kernel.params) for k in range(columns.shape[1])]
        return np.array(found, dtype=np.int64).reshape(points.shape[:-1])

    def evaluation(
        self, x_test: ArrayLike | None = None, y_test: ArrayLike | None = None, labelled: bool | None = None
    ) -> Evaluation | None:
        """None: θ stands for no model that could be tested."""
        return None


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def hessian(surface: Surface, theta: ArrayLike) -> Array:
    """∇²L(θ) as a dense matrix, from d Hessian-vector products: (…, d) → (…, d, d).

    Raises:
        SdesimError: if theta does not have the surface's dimension.
    """
    if isinstance(surface, type) or not all(hasattr(surface, name) for name in ("dim", "hvp")):
        raise SdesimError(f"surface must be one of sdesim.surfaces, got {short(surface)}")
    points = as_theta(theta, surface.dim)
    matrix = surface.hvp(points[..., None, :], np.eye(surface.dim))
    return 0.5 * (matrix + np.swapaxes(matrix, -1, -2))
