"""Linear least squares, on given features and on those of a fixed random layer."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled import blocks
from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array, as_finite, as_theta, finite, whole
from sdesim.surfaces.base import SurfaceKernel

MODULE = "sdesim.surfaces.regression_kernels"
RANDOM_ACTIVATIONS = ("relu", "tanh")


@dataclass(frozen=True, init=False, eq=False)
class LeastSquares:
    """L = (1/n) Σ_i ℓ_i,  ℓ_i = ½ (a_i·θ − b_i)² + ½ ridge |θ|²: |Aθ − b|²/(2n) plus the ridge term.

    The Hessian is AᵀA/n + ridge everywhere. With fewer examples than coordinates and no ridge the minima
    are a whole affine space; its point of least norm stands for it.

    Args:
        A: rows a_i (n, d).
        b: targets (n,).
        ridge: at least 0.
        start: default starting point (d,); the origin without it.

    Raises:
        SdesimError: if a shape or value does not fit.
    """

    A: Array
    b: Array
    ridge: float
    start: Array
    _arrays: blocks.Arrays

    def __init__(
        self, A: ArrayLike, b: ArrayLike, ridge: float = 0.0, start: ArrayLike | None = None
    ) -> None:
        rows, targets = as_finite(A, "A"), as_finite(b, "b")
        if rows.ndim != 2 or not rows.size:
            raise SdesimError(f"A must be (n, d), got shape {rows.shape}")
        if targets.shape not in ((len(rows),), (len(rows), 1)):
            raise SdesimError(f"b must be ({len(rows)},), got shape {targets.shape}")
        strength = finite(ridge, "ridge")
        if strength < 0:
            raise SdesimError(f"ridge must be at least 0, got {strength:g}")
        dim = rows.shape[1]
        point = np.zeros(dim) if start is None else as_theta(start, dim, "start").reshape(dim).copy()
        params = np.concatenate([[strength], targets.reshape(-1)])
        rows, turned = np.array(rows, order="C"), np.array(rows.T, order="C")
        values = {
            "A": rows,
            "b": params[1:],
            "ridge": strength,
            "start": point,
            "_arrays": (params, rows, turned),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        point.flags.writeable = False

    @property
    def dim(self) -> int:
        """d."""
        return int(self.A.shape[1])

    @property
    def examples(self) -> int:
        """n."""
        return int(self.A.shape[0])

    @property
    def wells(self) -> tuple[str, ...]:
        """One: the loss is convex."""
        return ("minimum",)

    def loss(self, theta: ArrayLike) -> Array:
        """|Aθ − b|²/(2n) + ½ ridge |θ|²: (…, d) → (…)."""
        from sdesim.surfaces import regression_kernels

        return blocks.losses(regression_kernels.loss, self.dim, theta, self._arrays)

    def grad(self, theta: ArrayLike) -> Array:
        """Aᵀ(Aθ − b)/n + ridge θ: (…, d) → (…, d)."""
        from sdesim.surfaces import regression_kernels

        return blocks.gradients(regression_kernels.grad, self.dim, theta, self._arrays)

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """AᵀAv/n + ridge v: (…, d), (…, d) → (…, d)."""
        from sdesim.surfaces import regression_kernels

        return blocks.products(regression_kernels.hvp, self.dim, theta, v, self._arrays)

    def weighted_gradient(self, theta: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ): (d,), (n,) → (d,)."""
        from sdesim.surfaces import regression_kernels

        column = as_theta(weights, self.examples, "weights")
        return blocks.weighted(regression_kernels.weighted_grad, self.dim, theta, column, self._arrays)

    def example_gradients(self, theta: ArrayLike, indices: ArrayLike | None = None) -> Array:
        """(a_i·θ − b_i) a_i + ridge θ of the examples ``indices`` (k,), all without them: (d,) → (k, d).

        Raises:
            SdesimError: if an index is not one of the examples'.
        """
        point = as_theta(theta, self.dim).reshape(self.dim)
        chosen = blocks.chosen(indices, self.examples)
        rows = self.A[chosen]
        residuals = np.einsum("ij,j->i", rows, point) - self.b[chosen]
        return np.asarray(residuals[:, None] * rows + self.ridge * point)

    def minima(self) -> Array:
        """The minimum; of several, that of least norm: (1, d)."""
        n, d = self.A.shape
        if self.ridge == 0.0:
            return np.asarray(np.linalg.lstsq(self.A, self.b, rcond=None)[0][None], dtype=np.float64)
        rows = np.concatenate([self.A / math.sqrt(n), math.sqrt(self.ridge) * np.eye(d)])
        targets = np.concatenate([self.b / math.sqrt(n), np.zeros(d)])
        return np.asarray(np.linalg.lstsq(rows, targets, rcond=None)[0][None], dtype=np.float64)

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """0 wherever θ is finite, −1 elsewhere: (…, d) → (…)."""
        inside = np.all(np.isfinite(as_theta(theta, self.dim)), axis=-1)
        return np.where(inside, 0, -1).astype(np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        params, rows, turned = self._arrays
        return SurfaceKernel(
            MODULE,
            "grad",
            "loss",
            params,
            rows,
            turned,
            weighted_grad="weighted_grad",
            examples=self.examples,
            well="single_well",
            lanes=32,
            hvp="hvp",
        )


@dataclass(frozen=True, init=False, eq=False)
class RandomFeatures(LeastSquares):
    """A network whose first layer stays random: least squares of y on φ(x), linear in θ.

    φ_j(x) = f(w_j·x/√p)/√m,  w_j standard normal (p,),  j = 1 … m;   L as in `LeastSquares`, ½ of the mean
    squared error. The test error of its minimum peaks where m reaches the number of examples (double
    descent); the scaling keeps λ_max of the order of 1 at every width.

    Args:
        features: m, the width of the random layer and the number of parameters.
        x: inputs (n, p).
        y: targets (n,).
        activation: f, "relu" or "tanh".
        ridge: at least 0.
        seed: of the random layer; with one seed the features of a narrow layer are the first of a wide one.
        start: default starting point (m,); the origin without it.

    Raises:
        SdesimError: if a shape or value does not fit.
    """

    weights: Array
    activation: str

    def __init__(
        self,
        features: int,
        x: ArrayLike,
        y: ArrayLike,
        activation: str = "relu",
        ridge: float = 0.0,
        seed: int = 0,
        start: ArrayLike | None = None,
    ) -> None:
        width = whole(features, "features")
        inputs = as_finite(x, "x")
        if inputs.ndim != 2 or not inputs.size:
            raise SdesimError(f"x must be (n, p), got shape {inputs.shape}")
        if np.shape(y) not in ((len(inputs),), (len(inputs), 1)):
            raise SdesimError(f"y must be ({len(inputs)},), got shape {np.shape(y)}")
        if activation not in RANDOM_ACTIVATIONS:
            raise SdesimError(
                f"activation must be one of {', '.join(RANDOM_ACTIVATIONS)}, got {activation!r}"
            )
        rng = np.random.default_rng(whole(seed, "seed", least=0))
        object.__setattr__(self, "weights", rng.standard_normal((width, inputs.shape[1])))
        object.__setattr__(self, "activation", activation)
        super().__init__(self.features(inputs), as_finite(y, "y"), ridge, start)

    def features(self, x: ArrayLike) -> Array:
        """φ(x): (k, p) → (k, m).

        Raises:
            SdesimError: if x has another number of columns.
        """
        width, p = self.weights.shape
        inputs = np.asarray(x, dtype=np.float64)
        if inputs.ndim != 2 or inputs.shape[1] != p:
            raise SdesimError(f"x must be (n, {p}), got shape {inputs.shape}")
        z = inputs @ self.weights.T / math.sqrt(p)
        return np.asarray(
            (np.maximum(z, 0.0) if self.activation == "relu" else np.tanh(z)) / math.sqrt(width)
        )

    def predict(self, theta: ArrayLike, x: ArrayLike) -> Array:
        """φ(x)·θ: (…, m), (k, p) → (…, k)."""
        return np.asarray(as_theta(theta, self.dim) @ self.features(x).T)

    def test_loss(self, theta: ArrayLike, x: ArrayLike, y: ArrayLike) -> Array:
        """½ of the mean squared error on other examples, without the ridge term: (…, m) → (…)."""
        return np.asarray(
            0.5 * np.mean((self.predict(theta, x) - as_finite(y, "y").reshape(-1)) ** 2, axis=-1)
        )
