"""The sampling noise of minibatch SGD as a driving noise: state-dependent, with the exact covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import positive, whole
from sdesim.noise.base import MOST_ROWS, Array, NoiseKernel
from sdesim.surfaces.base import Surface

LAWS = ("gaussian", "subsample")
# Example gradients are taken in chunks of at most this many numbers (128 MB).
CHUNK = 2**24


@dataclass(frozen=True, eq=False)
class Minibatch:
    """Increments −√(η dt) (g_B − ∇L), g_B the gradient over B examples drawn with replacement.

    Law "subsample" draws the batch; at dt = η an Euler step with it is the SGD step itself. Law "gaussian"
    is the Gaussian of equal covariance, √(η dt) Σ_i (z_i − z̄) ∇ℓ_i/√(B n), z standard normal (n,): one
    weighted full-batch gradient and no matrix.

    Args:
        surface: a surface that is a mean of n examples' losses, such as `MLP`.
        batch_size: B.
        learning_rate: η.
        law: "gaussian" or "subsample".

    Raises:
        SdesimError: if a value is out of its range or the surface is not a mean over examples.
    """

    surface: Surface
    batch_size: int
    learning_rate: float
    law: str = "gaussian"

    def __post_init__(self) -> None:
        object.__setattr__(self, "batch_size", whole(self.batch_size, "batch_size"))
        object.__setattr__(self, "learning_rate", positive(self.learning_rate, "learning_rate"))
        if self.batch_size >= MOST_ROWS:
            raise SdesimError(f"batch_size must be below {MOST_ROWS}, got {self.batch_size}")
        if self.law not in LAWS:
            raise SdesimError(f"law must be one of {', '.join(LAWS)}, got {self.law!r}")
        if self.examples >= MOST_ROWS:
            raise SdesimError(f"minibatch noise takes fewer than {MOST_ROWS} examples, got {self.examples}")
        if self.examples < 1:
            raise SdesimError("minibatch noise needs a surface that is a mean over examples, such as MLP")

    @property
    def sort(self) -> str:
        """Noise of the examples' gradients."""
        return "minibatch"

    @property
    def examples(self) -> int:
        """n, the number of examples of the surface."""
        kernel = self.surface.kernel()
        return kernel.examples if kernel.weighted_grad is not None else 0

    def validate(self, dim: int) -> None:
        """Check that the noise's own surface has dim coordinates.

        Raises:
            SdesimError: if it has not.
        """
        if self.surface.dim != dim:
            raise SdesimError(
                f"the minibatch noise's surface has {self.surface.dim} coordinates, the simulated one {dim}"
            )

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Example weights for dt; η is the noise's own learning rate."""
        self.validate(dim)
        scale = math.sqrt(self.learning_rate * dt)
        if self.law == "subsample":
            params = np.array([scale, float(self.batch_size)])
            return NoiseKernel("sdesim.noise.fill_kernels", "minibatch_subsample", params, enters="examples")
        params = np.array([scale / math.sqrt(self.batch_size * self.examples)])
        return NoiseKernel(
            "sdesim.noise.fill_kernels", "minibatch_gaussian", params, enters="examples", gaussian=True
        )

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of g_B − ∇L (or its Gaussian) at this batch size; they do not depend on eta."""
        examples = self.examples
        if self.law == "subsample":
            counts = rng.multinomial(self.batch_size, np.full(examples, 1.0 / examples), size=n)
            weights = counts / self.batch_size - 1.0 / examples
        else:
            z = rng.standard_normal((n, examples))
            weights = (z - z.mean(axis=1, keepdims=True)) / math.sqrt(self.batch_size * examples)
        return weighted_sum(self.surface, np.asarray(theta, dtype=np.float64), weights)


def weighted_sum(surface: Any, theta: Array, weights: Array) -> Array:
    """Σ_i weights[k, i] ∇ℓ_i(θ): weights (m, n) → (m, d), by matrix products with the example gradients."""
    if not hasattr(surface, "example_gradients"):
        return np.stack([surface.weighted_gradient(theta, row) for row in weights])
    total = np.zeros((weights.shape[0], surface.dim))
    step = max(1, CHUNK // surface.dim)
    for start in range(0, weights.shape[1], step):
        indices = np.arange(start, min(start + step, weights.shape[1]))
        total += weights[:, indices] @ surface.example_gradients(theta, indices)
    return total
