"""The loss of a fully connected network as a surface: the network itself, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.compiled import blocks
from sdesim.compiled.streams import SURFACES, own_rng
from sdesim.errors import SdesimError
from sdesim.kinds.numbers import Array, as_finite, as_start, as_theta, one_of, whole
from sdesim.kinds.spelling import short
from sdesim.surfaces.base import Base, SurfaceKernel
from sdesim.surfaces.evaluated import Evaluated

ACTIVATIONS = ("tanh", "relu", "gelu", "quadratic")
LOSSES = ("mse", "cross_entropy")
# Powers with which activations grow, and losses in the outputs.
_ACTIVATION_GROWTH = {"tanh": 0.0, "relu": 1.0, "gelu": 1.0, "quadratic": 2.0}
_LOSS_GROWTH = {"mse": 2.0, "cross_entropy": 1.0}


@dataclass(frozen=True, init=False, eq=False)
class MLP(Base):
    """Mean loss of a fully connected network over n examples, L(θ) = (1/n) Σ_i ℓ_i(θ).

    z_l = W_l a_{l−1} + b_l, a_l = f(z_l), the last layer linear. θ (d,) is W₁ (out, in) row-major, b₁, W₂,
    …: the order of `named_parameters` of nn.Sequential(Linear, f, Linear, …).

    Args:
        widths: layer widths, from the features to the outputs, at least two.
        x: inputs (n, widths[0]).
        y: for "cross_entropy" labels (n,) in 0 … widths[-1] − 1; for "mse" targets (n, widths[-1]).
        activation: "tanh", "relu", "gelu" (exact, with erf) or "quadratic" (z²).
        loss: "mse": mean over outputs and examples of (z − y)²; "cross_entropy": mean of −log softmax(z)_y.
        start: default starting point (d,); without it, every layer's entries are uniform on ±1/√fan_in
            (torch's default), drawn from ``seed``.
        seed: of the default start.

    Raises:
        SdesimError: if a shape, label or name does not fit.
    """

    widths: tuple[int, ...]
    x: Array
    y: Array
    activation: str
    loss_name: str
    start: Array
    params: Array

    def __init__(
        self,
        widths: Sequence[int],
        x: ArrayLike,
        y: ArrayLike,
        activation: str = "tanh",
        loss: str = "mse",
        start: ArrayLike | None = None,
        seed: int = 0,
    ) -> None:
        if isinstance(widths, str | bytes) or not isinstance(widths, Sequence | np.ndarray):
            raise SdesimError(f"widths must be a list of whole numbers, got {short(widths)}")
        sizes = tuple(whole(w, "each of widths") for w in widths)
        if len(sizes) < 2:
            raise SdesimError(f"widths must name at least the features and the outputs, got {sizes}")
        one_of(activation, ACTIVATIONS, "activation", SdesimError)
        one_of(loss, LOSSES, "loss", SdesimError)
        inputs, targets = _examples(sizes, x, y, loss)
        seed = whole(seed, "seed", least=0)
        point = _default_start(sizes, seed) if start is None else as_start(start, _count(sizes))
        codes = [ACTIVATIONS.index(activation), LOSSES.index(loss), *sizes]
        fields: dict[str, Any] = {
            "widths": sizes,
            "x": inputs,
            "y": targets,
            "activation": activation,
            "loss_name": loss,
            "start": point,
            "params": np.array(codes, dtype=np.float64),
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        # Only the start: compiled functions take read-only arrays for another type and compile twice.
        point.flags.writeable = False

    @property
    def dim(self) -> int:
        """Number of weights and biases d."""
        return _count(self.widths)

    @property
    def examples(self) -> int:
        """Number of examples n."""
        return int(self.x.shape[0])

    @property
    def groups(self) -> dict[str, slice]:
        """The coordinates of each layer, named as nn.Sequential names it: "0", "2", …"""
        slices, place = {}, 0
        for layer, (fan_in, fan_out) in enumerate(pairwise(self.widths)):
            size = fan_out * (fan_in + 1)
            slices[str(2 * layer)] = slice(place, place + size)
            place += size
        return slices

    @property
    def growth(self) -> float:
        """Of the outputs, each layer a factor |θ| that bounded activations end, and of the loss in them:
        |z| of cross-entropy, |z|² of the squared error."""
        degree = 1.0
        for _ in self.widths[2:]:
            degree = 1.0 + _ACTIVATION_GROWTH[self.activation] * degree
        return degree * _LOSS_GROWTH[self.loss_name]

    def loss(self, theta: ArrayLike) -> Array:
        """L(θ): (…, d) → (…)."""
        from sdesim.surfaces.network import mlp_kernels

        return blocks.losses(mlp_kernels.loss, self.dim, theta, self._arrays())

    def grad(self, theta: ArrayLike) -> Array:
        """∇L(θ): (…, d) → (…, d)."""
        from sdesim.surfaces.network import mlp_kernels

        return blocks.gradients(mlp_kernels.grad, self.dim, theta, self._arrays())

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """∇²L(θ) v, exact by the R-operator: (…, d), (…, d) → (…, d)."""
        from sdesim.surfaces.network import mlp_curvature

        return blocks.products(mlp_curvature.hvp, self.dim, theta, v, self._arrays())

    def weighted_gradient(self, theta: ArrayLike, weights: ArrayLike) -> Array:
        """Σ_i weights_i ∇ℓ_i(θ): (d,), (n,) → (d,)."""
        from sdesim.surfaces.network import mlp_kernels

        column = as_theta(weights, self.examples, "weights")
        return blocks.weighted(mlp_kernels.weighted_grad, self.dim, theta, column, self._arrays())

    def example_gradients(self, theta: ArrayLike, indices: ArrayLike | None = None) -> Array:
        """∇ℓ_i(θ) of the examples ``indices`` (k,), all without them: (d,) → (k, d).

        Raises:
            SdesimError: if an index is not one of the examples'.
        """
        from sdesim.surfaces.network import mlp_curvature

        point = as_theta(theta, self.dim).reshape(self.dim).copy()
        chosen = blocks.chosen(indices, self.examples)
        out = np.empty((chosen.size, self.dim))
        if chosen.size:
            mlp_curvature.example_gradients(point, np.ascontiguousarray(chosen), *self._arrays(), out)
        return out

    def outputs(self, theta: ArrayLike, x: ArrayLike | None = None) -> Array:
        """The network's outputs at ``x`` (m, features), at its own inputs without it: (d,) → (m, outputs)."""
        from sdesim.surfaces.network import mlp_curvature

        point = as_theta(theta, self.dim).reshape(self.dim).copy()
        inputs = self.x if x is None else _inputs(self.widths, x)
        out = np.empty((inputs.shape[0], self.widths[-1]))
        mlp_curvature.outputs_of(point, self.params, inputs, out)
        return out

    def accuracy(self, theta: ArrayLike, x: ArrayLike | None = None, y: ArrayLike | None = None) -> float:
        """Share of examples whose largest output is the label (or the largest target).

        Without x and y, of the surface's own examples.

        Raises:
            SdesimError: if only one of x and y is given.
        """
        if (x is None) != (y is None):
            raise SdesimError("accuracy needs x and y together, or neither")
        targets = self.y if y is None else np.asarray(y)
        wide = targets.ndim == 2 and targets.shape[1] > 1
        labels = targets.argmax(axis=1) if wide else targets.reshape(-1)
        return float(np.mean(self.outputs(theta, x).argmax(axis=1) == labels))

    def evaluation(
        self, x_test: ArrayLike | None = None, y_test: ArrayLike | None = None, labelled: bool | None = None
    ) -> Evaluated:
        """Accuracies, the class being the largest output, and the loss on test examples.

        Args:
            x_test, y_test: test examples (m, features) and (m,) or (m, outputs); none without.
            labelled: whether the answers are classes; without it where the loss is cross-entropy. For "mse"
                y_test may be labels or their one-hot codes.
        """
        known = self.loss_name == "cross_entropy" if labelled is None else labelled
        functions: dict[str, Any] = {"train_accuracy": self.accuracy} if known else {}
        if x_test is None or y_test is None or not len(np.asarray(x_test)):
            return Evaluated(functions)
        y = np.asarray(y_test)
        if self.loss_name == "mse" and known and y.ndim == 1:
            y = np.eye(self.widths[-1])[y]
        other = MLP(self.widths, x_test, y, self.activation, self.loss_name)
        functions["test_loss"] = lambda theta: float(other.loss(theta))
        if known:
            functions["test_accuracy"] = other.accuracy
        return Evaluated(functions)

    def kernel(self) -> SurfaceKernel:
        """The compiled side: one trajectory at a time, the loops inside run over examples."""
        return SurfaceKernel(
            module="sdesim.surfaces.network.mlp_curvature",
            grad="grad",
            loss="loss",
            params=self.params,
            data0=self.x,
            data1=self.y,
            weighted_grad="weighted_grad",
            examples=self.examples,
            lanes=1,
            hvp="hvp",
        )

    def _arrays(self) -> tuple[Array, Array, Array]:
        return self.params, self.x, self.y


def _count(widths: Sequence[int]) -> int:
    """Number of weights and biases."""
    return sum(b * (a + 1) for a, b in pairwise(widths))


def _inputs(widths: Sequence[int], x: ArrayLike) -> Array:
    inputs = np.array(as_finite(x, "x"), order="C")
    if inputs.ndim != 2 or inputs.shape[1] != widths[0] or not len(inputs):
        raise SdesimError(f"x must be (n, {widths[0]}) with n at least 1, got shape {inputs.shape}")
    return inputs


def _examples(widths: Sequence[int], x: ArrayLike, y: ArrayLike, loss: str) -> tuple[Array, Array]:
    """Inputs (n, features) and labels (n, 1) or targets (n, outputs), checked and copied."""
    inputs = _inputs(widths, x)
    targets = np.array(as_finite(y, "y"), order="C")
    n, outputs = len(inputs), widths[-1]
    if loss == "cross_entropy":
        if targets.shape not in ((n,), (n, 1)):
            raise SdesimError(f"y must be one label for each of {n} examples, got shape {targets.shape}")
        if np.any(targets != np.floor(targets)) or targets.min() < 0 or targets.max() >= outputs:
            raise SdesimError(f"labels must be whole numbers in [0, {outputs})")
        return inputs, targets.reshape(n, 1)
    if targets.ndim == 1 and outputs == 1:
        targets = targets.reshape(-1, 1)
    if targets.shape != (n, outputs):
        raise SdesimError(f"y must be ({n}, {outputs}), got shape {targets.shape}")
    return inputs, targets


def _default_start(widths: Sequence[int], seed: int) -> Array:
    """Uniform on ±1/√fan_in per layer."""
    rng = own_rng(seed, SURFACES)
    parts = []
    for fan_in, fan_out in pairwise(widths):
        bound = 1.0 / np.sqrt(fan_in)
        parts.append(rng.uniform(-bound, bound, fan_out * (fan_in + 1)))
    return np.concatenate(parts)
