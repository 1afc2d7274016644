"""Many small networks of one shape trained side by side, with the exact C of their training examples.

An example's gradient of a layer is the outer product of the layer's input a and its error δ, so that
|∇ℓ_i|² = Σ_layers (|a|² + 1)|δ|² needs no gradient of its own, and C₁ = |μ|²/(E|∇ℓ|² − |μ|²) costs one pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .estimates import Array

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Crowd:
    """R networks; the last layer is linear.

    Attributes:
        weights: one (R, in, out) for each layer.
        biases: one (R, 1, out) for each layer, or none.
        activation: "tanh", "relu" or "quadratic".
        loss: "cross_entropy", with labels as one-hot targets, or "mse", a mean over outputs.
        masks: what is left of the weights, in their shapes; none for all.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activation: str
    loss: str
    masks: list[Tensor] | None = None

    @property
    def parameters(self) -> list[Tensor]:
        return self.weights + self.biases

    def copy(self) -> Crowd:
        weights, biases = ([p.clone() for p in group] for group in (self.weights, self.biases))
        return Crowd(weights, biases, self.activation, self.loss, self.masks)

    def vector(self, run: int) -> Array:
        """Weights (d,) of one network, in the order of `sdesim.surfaces.MLP`."""
        layers = zip(self.weights, self.biases, strict=True)
        parts = [p for w, b in layers for p in (w[run].T.reshape(-1), b[run, 0])]
        return np.concatenate([np.asarray(p, dtype=np.float64) for p in parts])

    def outputs(self, x: Tensor) -> Tensor:
        """(R, n, features) or (n, features) → (R, n, outputs)."""
        return self._forward(x)[0]

    def losses(self, x: Tensor, y: Tensor) -> Array:
        """Mean losses (R,)."""
        out = self.outputs(x)
        if self.loss == "mse":
            each = ((out - y) ** 2).mean(dim=-1)
        else:
            each = out.logsumexp(dim=-1) - (out * y).sum(dim=-1)
        return np.asarray(each.mean(dim=-1).double())

    def accuracies(self, x: Tensor, y: Tensor) -> Array:
        """Shares of the examples whose largest output is the largest target (R,)."""
        right = self.outputs(x).argmax(dim=-1) == y.argmax(dim=-1)
        return np.asarray(right.double().mean(dim=-1))

    def gradients(self, x: Tensor, y: Tensor, weights: Tensor | None = None) -> list[Tensor]:
        """∇L of the mean loss, in the order of `parameters`; with weights (R, n) of Σ_i weights_i ℓ_i."""
        inputs, errors = self._backward(x, y)
        if weights is not None:
            # Times n, for the means below divide by it.
            errors = [e * (weights * x.shape[-2]).unsqueeze(-1) for e in errors]
        n = x.shape[-2]
        parts = [a.transpose(-1, -2) @ e / n for a, e in zip(inputs, errors, strict=True)]
        if self.masks is not None:
            parts = [g * m for g, m in zip(parts, self.masks, strict=True)]
        return parts + ([e.mean(dim=-2, keepdim=True) for e in errors] if self.biases else [])

    def c_one(self, x: Tensor, y: Tensor) -> Array:
        """C of one example drawn at random from (x, y): |μ|² over the trace of the population's Σ (R,)."""
        inputs, errors = self._backward(x, y)
        signal = sum((g.double() ** 2).sum(dim=(-1, -2)) for g in self.gradients(x, y))
        square = 0.0
        for k, (a, e) in enumerate(zip(inputs, errors, strict=True)):
            e2 = e.double() ** 2
            if self.masks is None:
                square = square + (a.double() ** 2).sum(dim=-1) * e2.sum(dim=-1)
            else:
                square = square + ((a.double() ** 2 @ self.masks[k].double()) * e2).sum(dim=-1)
            if self.biases:
                square = square + e2.sum(dim=-1)
        whole = square.mean(dim=-1)  # type: ignore[union-attr]
        return np.asarray(signal / (whole - signal))

    def _forward(self, x: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Outputs, the inputs of every layer, and f′ after every layer but the last."""
        import torch

        a, inputs, slopes = x, [], []
        for k, w in enumerate(self.weights):
            inputs.append(a)
            z = a @ w + self.biases[k] if self.biases else a @ w
            if k == len(self.weights) - 1:
                return z, inputs, slopes
            if self.activation == "tanh":
                a = torch.tanh(z)
                slopes.append(1 - a**2)
            elif self.activation == "relu":
                a = z.clamp(min=0)
                slopes.append((z > 0).to(z.dtype))
            else:
                a = z**2
                slopes.append(2 * z)
        raise AssertionError("a network has a layer")

    def _backward(self, x: Tensor, y: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The inputs of every layer and ∂ℓ_i/∂z of every example."""
        out, inputs, slopes = self._forward(x)
        error = 2 / out.shape[-1] * (out - y) if self.loss == "mse" else out.softmax(dim=-1) - y
        errors = [error]
        for w, slope in zip(self.weights[:0:-1], slopes[::-1], strict=True):
            error = (error @ w.transpose(-1, -2)) * slope
            errors.insert(0, error)
        return inputs, errors


def crowd(
    widths: Sequence[int], runs: int, rng: np.random.Generator, activation: str, loss: str = "cross_entropy",
    *, law: str = "uniform", bias: bool = True,
) -> Crowd:  # fmt: skip
    """R networks with random weights: uniform on ±1/√fan_in with their biases, or N(0, 1/fan_in)."""
    weights, biases = [], []
    for a, b in pairwise(widths):
        spread = 1 / math.sqrt(a)
        if law == "normal":
            weights.append(tensor(spread * rng.standard_normal((runs, a, b))))
        else:
            weights.append(tensor(rng.uniform(-spread, spread, (runs, a, b))))
        if bias:
            biases.append(tensor(rng.uniform(-spread, spread, (runs, 1, b))))
    return Crowd(weights, biases, activation, loss)


def tensor(values: Array) -> Tensor:
    """Numbers in single precision, in which these networks are trained."""
    import torch

    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def one_hot(labels: NDArray[np.int64], classes: int) -> Tensor:
    """(…) → (…, classes)."""
    return tensor(np.eye(classes)[labels])


def batches(n: int, size: int, runs: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Rows (R, size) without end, each run passing over all n examples in an order of its own."""
    while True:
        order = rng.permuted(np.tile(np.arange(n), (runs, 1)), axis=1)
        for k in range(n // size):
            yield order[:, k * size : (k + 1) * size]


@dataclass
class Descent:
    """Gradient descent of a crowd: v ← βv + ∇L + λw, w ← w − ηv.

    Attributes:
        crowd: trained in place.
        rate: η, one number or one for each network (R, 1, 1).
        momentum: β.
        decay: λ, one number or one for each network (R, 1, 1).
    """

    crowd: Crowd
    rate: float | Tensor
    momentum: float = 0.0
    decay: float | Tensor | None = None

    def __post_init__(self) -> None:
        self._velocity = [w * 0 for w in self.crowd.parameters]

    def step(self, x: Tensor, y: Tensor) -> None:
        for w, v, g in zip(self.crowd.parameters, self._velocity, self.crowd.gradients(x, y), strict=True):
            if self.decay is not None:
                g = g + self.decay * w
            v.mul_(self.momentum).add_(g)
            w.sub_(self.rate * v)
