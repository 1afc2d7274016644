"""Least squares on the features of a fixed random layer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled.streams import SURFACES, own_rng
from sdesim.errors import SdesimError
from sdesim.kinds import InCode, Misfit, Numbers, OneOf, kind
from sdesim.kinds.numbers import Array, as_finite, as_theta
from sdesim.surfaces.evaluated import Evaluated
from sdesim.surfaces.regression.linear import Linear


@kind("surfaces", "random-features")
@dataclass(frozen=True)
class RandomFeatures(Linear):
    """A network whose first layer stays random: least squares of y on φ(x), linear in θ.

    φ_j(x) = f(w_j·x/√p)/√m,  w_j standard normal (p,),  j = 1 … m;   L as in `LeastSquares`, ½ of the mean
    squared error. The test error of its minimum peaks where m reaches the number of examples (double
    descent); the scaling keeps λ_max of the order of 1 at every width.

    Args:
        features: m, the width of the random layer and the number of parameters.
        x: inputs (n, p).
        y: targets (n,).
        activation: f, "relu" or "tanh".
        ridge: strength of the ridge term.
        seed: of the random layer; with one seed the features of a narrow layer are the first of a wide one.
        start: default starting point (m,); the origin without it.
        data: a data set instead of x and y; the target is +1 for the upper half of the classes and −1 for the
            lower, or the one target that the data have.

    Raises:
        Misfit: if a shape or value does not fit.

    Example:
        {kind: random-features, features: 100, data: {kind: digits, train: 200}}
    """

    width: Annotated[int, Ge(1)] = field(metadata={"called": "features"})
    x: Annotated[Any, InCode()] = None
    y: Annotated[Any, InCode()] = None
    activation: Literal["relu", "tanh"] = "relu"
    ridge: Annotated[float, Ge(0)] = 0.0
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    given_start: Annotated[Any, Numbers(1)] | None = field(default=None, metadata={"called": "start"})
    data: Annotated[Any, OneOf("data")] | None = None

    def __post_init__(self) -> None:
        if self.data is not None:
            if self.x is not None or self.y is not None:
                raise Misfit("data", "found data beside x and y, allowed: one or the other")
            if not self.data.labelled and self.data.outputs != 1:
                found = f"found {self.data.outputs}, allowed: 1, random features have one"
                raise Misfit(("data", "outputs"), found)
            if self.data.positions is not None:
                raise Misfit("data", f"found {self.data.positions} labels of an example, allowed: one")
        elif self.x is None or self.y is None:
            raise Misfit("data", "missing, allowed: a data set (in Python x and y instead)")
        else:
            self._check_arrays()
        if self.given_start is not None and len(self.given_start) != self.width:
            raise Misfit("start", f"found {len(self.given_start)} numbers, allowed: {self.width}")

    def _check_arrays(self) -> None:
        """Take copies of x and y."""
        x, y = np.array(as_finite(self.x, "x")), np.array(as_finite(self.y, "y"))
        if x.ndim != 2 or not x.size:
            raise Misfit("x", f"found shape {x.shape}, allowed: (n, p)")
        if y.shape not in ((len(x),), (len(x), 1)):
            raise Misfit("y", f"found shape {y.shape}, allowed: {(len(x),)}, a target for each row of x")
        for name, array in (("x", x), ("y", y.reshape(-1))):
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @property
    def dim(self) -> int:
        """m."""
        return self.width

    @property
    def examples(self) -> int:
        """n."""
        return int(len(self.x) if self.data is None else self.data.examples)

    @property
    def numbers(self) -> float:
        """The examples, the features' weights, and the features of all examples, row by row and turned."""
        inputs = self.x.shape[1] if self.data is None else self.data.features
        of_data = 0.0 if self.data is None else float(self.data.numbers)
        return of_data + float(self.width) * float(inputs + 3 * self.examples)

    @property
    def start(self) -> Array:
        """The given one, or the origin (m,)."""
        return np.zeros(self.dim) if self.given_start is None else np.array(self.given_start)

    @cached_property
    def _loaded(self) -> Any:
        recipe: Any = self.data
        return recipe.load()

    @cached_property
    def weights(self) -> Array:
        """w_j (m, p)."""
        inputs = self.x.shape[1] if self.data is None else self.data.features
        return own_rng(self.seed, SURFACES).standard_normal((self.width, inputs))

    @cached_property
    def A(self) -> Array:
        """φ of the examples (n, m)."""
        return self.features(self.x if self.data is None else self._loaded.x_train)

    @cached_property
    def b(self) -> Array:
        """Targets (n,)."""
        return np.asarray(self.y if self.data is None else signs(self._loaded.y_train, self._loaded))

    def _problem(self) -> tuple[Array, Array, float]:
        return self.A, self.b, self.ridge

    def features(self, x: ArrayLike) -> Array:
        """φ(x): (k, p) → (k, m).

        Raises:
            SdesimError: if x has another number of columns.
        """
        width, p = self.weights.shape
        inputs = as_finite(x, "x")
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

    def evaluation(
        self, x_test: ArrayLike | None = None, y_test: ArrayLike | None = None, labelled: bool | None = None
    ) -> Evaluated:
        """Test loss and, for answers that are classes, the share of targets ±1 whose sign the output has.

        Args:
            x_test, y_test: other examples (k, p) and their targets (k,); those of the data set without.
            labelled: whether the targets are classes; what the data set says without it.
        """
        if self.data is not None and x_test is None:
            x_test, y_test = self._loaded.x_test, signs(self._loaded.y_test, self._loaded)
        if self.data is not None and labelled is None:
            labelled = self.data.labelled
        functions: dict[str, Any] = {}
        if labelled:
            functions["train_accuracy"] = lambda theta: _hits(self.A, self.b, theta)
        if x_test is not None and y_test is not None and len(np.asarray(x_test)) > 0:
            phi, y = self.features(x_test), as_finite(y_test, "y_test").reshape(-1)
            functions["test_loss"] = lambda theta: 0.5 * float(np.mean((phi @ theta - y) ** 2))
            if labelled:
                functions["test_accuracy"] = lambda theta: _hits(phi, y, theta)
        return Evaluated(functions)


def signs(y: NDArray[Any], data: Any) -> Array:
    """The one target of each answer (n,): +1 for the upper half of the classes, else −1; a target itself."""
    return np.where(2 * y >= data.classes, 1.0, -1.0) if data.labelled else y[:, 0]


def _hits(phi: Array, y: Array, theta: Array) -> float:
    """Share of the answers ±1 whose sign φθ has."""
    return float(np.mean((phi @ theta > 0) == (y > 0)))
