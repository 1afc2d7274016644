"""Noise-amplified SGD (SVAG): a family of maps between SGD and its SDE.

Source: Z. Li, S. Malladi & S. Arora, NeurIPS (2021), arXiv 2102.12470, section 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.noise import Minibatch, Noise, NoiseKernel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counterweight:
    """Increments −c dt (g_B − ∇L) with c < 0: the second, subtracted minibatch of the amplified gradient.

    The gradients that are probed are SGD's own, which the first minibatch gives; this one adds nothing.

    Args:
        batch: minibatch noise of the same surface and batch size.
        factor: c.
    """

    batch: Minibatch
    factor: float

    def validate(self, dim: int) -> None:
        """Check that the surface has dim coordinates.

        Raises:
            SdesimError: if it has not.
        """
        self.batch.validate(dim)

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Example weights −c dt (count_i/B − 1/n)."""
        self.validate(dim)
        params = np.array([self.factor * dt, float(self.batch.batch_size)])
        return NoiseKernel("sdesim.noise.fills", "minibatch_subsample", params, kind="examples")

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """Zeros (n, d)."""
        return np.zeros((n, np.asarray(theta).shape[-1]))


def check_factor(factor: Any) -> None:
    """Refuse what is not a whole number of at least 1.

    Raises:
        RunError: if it is not.
    """
    if isinstance(factor, bool) or int(factor) != factor or factor < 1:
        raise RunError(f"factors must be whole numbers of at least 1, got {factor}")


def amplified_noise(surface: Any, batch_size: int, learning_rate: float, factor: int) -> list[Noise]:
    """The noises that at dt = η/l make −(η/l)[(1+s)/2 (g_B − ∇L) + (1−s)/2 (g_B′ − ∇L)], s = √(2l−1).

    ((1+s)² + (1−s)²)/4 = l, so the covariance of the bracket is lΣ.
    """
    dt, s = learning_rate / factor, math.sqrt(2 * factor - 1)
    # √(η₁ dt) = dt (1+s)/2.
    first = Minibatch(surface, batch_size, dt * ((1 + s) / 2) ** 2, "subsample")
    return [first] if factor == 1 else [first, Counterweight(first, (1 - s) / 2)]
