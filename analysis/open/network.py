"""A fully connected tanh network in plain arrays: losses, gradients, and C without any per-example matrix.

A parameter set is a list of (W (out, in), b (out,)). The gradient of example i in a layer is the outer
product δ_i a_iᵀ, so that |g_i|², g_i·ḡ and the Gram matrix follow from δ and a alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sdesim import estimators as est

Array = NDArray[np.float64]
Layers = list[tuple[Array, Array]]
# δ of the outputs and activations, per layer.
Signals = tuple[list[Array], list[Array]]


def start(widths: Sequence[int], seed: int) -> Layers:
    """Weights uniform within ±1/√fan-in, as torch draws them."""
    rng = np.random.default_rng([seed, 101])
    layers = []
    for fan_in, fan_out in pairwise(widths):
        bound = 1 / np.sqrt(fan_in)
        layers.append((rng.uniform(-bound, bound, (fan_out, fan_in)), rng.uniform(-bound, bound, fan_out)))
    return layers


def copied(layers: Layers) -> Layers:
    """A copy to train."""
    return [(w.copy(), b.copy()) for w, b in layers]


def flat(layers: Layers) -> Array:
    """All parameters in one vector (d,), W before b, layer by layer."""
    return np.concatenate([part.ravel() for layer in layers for part in layer])


def unflat(theta: Array, like: Layers) -> Layers:
    """The inverse of `flat`."""
    layers, place = [], 0
    for w, b in like:
        layers.append(
            (
                theta[place : place + w.size].reshape(w.shape),
                theta[place + w.size : place + w.size + b.size],
            )
        )
        place += w.size + b.size
    return layers


def outputs(layers: Layers, x: Array) -> tuple[list[Array], Array]:
    """Inputs of every layer, and the outputs (n, k)."""
    inputs = [x]
    for w, b in layers[:-1]:
        inputs.append(np.tanh(inputs[-1] @ w.T + b))
    w, b = layers[-1]
    return inputs, inputs[-1] @ w.T + b


def cross_entropy(z: Array, y: NDArray[np.int64]) -> tuple[Array, Array]:
    """Loss (n,) of each example and its derivative (n, k) by the outputs."""
    shifted = z - z.max(axis=1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(axis=1)
    rows = np.arange(len(y))
    slope = e / total[:, None]
    slope[rows, y] -= 1
    return np.log(total) - shifted[rows, y], slope


def squared(z: Array, target: Array) -> tuple[Array, Array]:
    """Mean squared error over the outputs, (n,), and its derivative (n, k)."""
    gap = z - target
    return (gap**2).mean(axis=1), 2 * gap / z.shape[1]


def backward(layers: Layers, inputs: list[Array], slope: Array) -> Signals:
    """δ and a of every layer from the derivative (n, k) by the outputs."""
    errors = [slope]
    for k in range(len(layers) - 1, 0, -1):
        errors.insert(0, (errors[0] @ layers[k][0]) * (1 - inputs[k] ** 2))
    return errors, inputs


def signals(layers: Layers, x: Array, y: NDArray[np.int64]) -> Signals:
    """`backward` of the cross-entropy of each example."""
    inputs, z = outputs(layers, x)
    return backward(layers, inputs, cross_entropy(z, y)[1])


def mean_gradient(found: Signals) -> Layers:
    """Mean gradient of the examples, in the shape of the layers."""
    n = len(found[0][0])
    return [(e.T @ a / n, e.mean(axis=0)) for e, a in zip(*found, strict=True)]


def step(layers: Layers, gradient: Layers, lr: float) -> None:
    """θ ← θ − η g, in place."""
    for (w, b), (gw, gb) in zip(layers, gradient, strict=True):
        w -= lr * gw
        b -= lr * gb


def loss(layers: Layers, x: Array, y: NDArray[np.int64]) -> float:
    """Mean cross-entropy."""
    return float(cross_entropy(outputs(layers, x)[1], y)[0].mean())


def accuracy(layers: Layers, x: Array, y: NDArray[np.int64]) -> float:
    """Share of examples classified correctly."""
    return float((outputs(layers, x)[1].argmax(axis=1) == y).mean())


def draws(found: Signals) -> tuple[Array, Array]:
    """|g_i|² and g_i·ḡ of every example, both (n,)."""
    norm2 = np.zeros(len(found[0][0]))
    dot = np.zeros_like(norm2)
    for (gw, gb), e, a in zip(mean_gradient(found), *found, strict=True):
        norm2 += (e**2).sum(axis=1) * ((a**2).sum(axis=1) + 1)
        dot += ((a @ gw.T + gb) * e).sum(axis=1)
    return norm2, dot


def ratio(found: Signals) -> float:
    """Debiased C_1 of the examples; at batch size B it is B times that."""
    return float(est.consolidation_from_draws(*draws(found)).value)


def gram(found: Signals) -> Array:
    """g_i·g_j, (n, n)."""
    total = np.zeros((len(found[0][0]),) * 2)
    for e, a in zip(*found, strict=True):
        total += (e @ e.T) * (a @ a.T + 1)
    return total


def participation(found: Signals) -> float:
    """(Tr Σ)²/Tr Σ² of the per-example gradients' covariance."""
    k = gram(found)
    centred = k - k.mean(axis=0) - k.mean(axis=1, keepdims=True) + k.mean()
    return float(np.trace(centred) ** 2 / (centred**2).sum())


def dot(a: Layers, b: Layers) -> float:
    """Scalar product of two parameter sets."""
    return float(sum((u * v).sum() for x, y in zip(a, b, strict=True) for u, v in zip(x, y, strict=True)))


def example_gradients(found: Signals) -> Array:
    """The per-example gradients themselves, (n, d)."""
    n = len(found[0][0])
    parts = []
    for e, a in zip(*found, strict=True):
        parts += [np.einsum("no,ni->noi", e, a).reshape(n, -1), e]
    return np.concatenate(parts, axis=1)


def sharpness(layers: Layers, x: Array, y: NDArray[np.int64], seed: int = 0) -> float:
    """λ_max of the mean loss by Lanczos, with Hessian products from central differences of the gradient."""
    theta = flat(layers)

    def product(v: Array) -> Array:
        h = 1e-4 / max(float(np.linalg.norm(v)), 1e-12)
        up, down = (
            flat(mean_gradient(signals(unflat(theta + sign * h * v, layers), x, y))) for sign in (1, -1)
        )
        return (up - down) / (2 * h)

    return float(est.lambda_max(product, theta.size, tol=1e-3, seed=seed).value)
