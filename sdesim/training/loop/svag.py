"""Noise-amplified SGD (SVAG): a family of maps between SGD and its SDE.

Source: Z. Li, S. Malladi & S. Arora, NeurIPS (2021), arXiv 2102.12470, section 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import RunError
from sdesim.noise import Base, Minibatch, Noise, NoiseKernel
from sdesim.noise.base import Sort

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Counterweight(Base):
    """Increments −c dt (g_B − ∇L) with c < 0: the second, subtracted minibatch of the amplified gradient.

    The gradients that are probed are SGD's own, which the first minibatch gives; this one adds nothing.

    Args:
        batch: minibatch noise of the same surface and batch size.
        factor: c.
    """

    batch: Minibatch
    factor: float

    @property
    def sort(self) -> Sort:
        """That of minibatches."""
        return "minibatch"

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
        return NoiseKernel("sdesim.noise.minibatch_kernels", "minibatch_subsample", params, enters="examples")

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """Zeros (n, d)."""
        return np.zeros((n, np.asarray(theta).shape[-1]))


def check_factor(factor: Any, rule: str) -> None:
    """Refuse what is not a whole number of at least 1; ``rule`` begins the message.

    Raises:
        RunError: if it is not.
    """
    if isinstance(factor, bool) or int(factor) != factor or factor < 1:
        raise RunError(f"{rule} of at least 1, got {factor}")


def amplified_weights(factor: int) -> tuple[float, float]:
    """Shares (1+s)/2 and (1−s)/2 of two independent minibatches, s = √(2l−1).

    Their sum is 1 and that of their squares l, so the gradient keeps its mean and has the covariance lΣ.
    """
    s = math.sqrt(2 * factor - 1)
    return (1 + s) / 2, (1 - s) / 2


def amplified_loss(loss_fn: Callable[..., Any], factor: int) -> Callable[..., Any]:
    """(1/l)[(1+s)/2 L_B + (1−s)/2 L_B′] of outputs and targets (2B, …), those of B first: at η its gradient
    makes one of the l short steps that stand for one of SGD."""
    first, second = amplified_weights(factor)

    def loss(output: Any, y: Any) -> Any:
        half = len(y) // 2
        value = first * loss_fn(output[:half], y[:half]) + second * loss_fn(output[half:], y[half:])
        return value / factor

    return loss


def amplified_noise(surface: Any, batch_size: int, learning_rate: float, factor: int) -> list[Noise]:
    """The noises that at dt = η/l make −(η/l)[(1+s)/2 (g_B − ∇L) + (1−s)/2 (g_B′ − ∇L)], s = √(2l−1)."""
    dt, (added, subtracted) = learning_rate / factor, amplified_weights(factor)
    # √(η₁ dt) = dt (1+s)/2.
    first = Minibatch(surface, batch_size, dt * added**2, "subsample")
    return [first] if factor == 1 else [first, Counterweight(first, subtracted)]
