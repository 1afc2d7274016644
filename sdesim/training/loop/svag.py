"""Amplified noise (SVAG): a family of maps between an optimizer and its SDE.

Source: Z. Li, S. Malladi & S. Arora, NeurIPS (2021), arXiv 2102.12470, section 4; for Adam and RMSprop
Malladi, Lyu, Panigrahi & Arora, NeurIPS (2022), arXiv 2205.10287.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sdesim.errors import RunError, SdesimError
from sdesim.kinds import class_of, names_of
from sdesim.kinds.numbers import whole
from sdesim.kinds.spelling import short
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
    try:
        whole(factor, "")
    except SdesimError:
        raise RunError(f"{rule} of at least 1, got {short(factor)}") from None


def amplified_weights(factor: int) -> tuple[float, float]:
    """Shares (1+s)/2 and (1−s)/2 of two independent minibatches, s = √(2l−1).

    Their sum is 1 and that of their squares l, so the gradient keeps its mean and has the covariance lΣ.
    """
    s = math.sqrt(2 * factor - 1)
    return (1 + s) / 2, (1 - s) / 2


def amplified_loss(
    loss_fn: Callable[..., Any], factor: int, share: float | None = None
) -> Callable[..., Any]:
    """(1/l)[(1+s)/2 L_B + (1−s)/2 L_B′] of outputs and targets (2B, …), those of B first: at η its gradient
    makes one of the l short steps that stand for one of SGD.

    Args:
        share: in place of 1/l.
    """
    first, second = amplified_weights(factor)

    def loss(output: Any, y: Any) -> Any:
        half = len(y) // 2
        value = first * loss_fn(output[:half], y[:half]) + second * loss_fn(output[half:], y[half:])
        return value / factor if share is None else value * share

    return loss


def is_plain(optimizer: Any) -> bool:
    """Whether its steps are θ ← θ − η g, so that a short one is a step on 1/l of the loss."""
    groups = optimizer.param_groups
    return type(optimizer) is torch.optim.SGD and not any(g["momentum"] or g["weight_decay"] for g in groups)


def short_groups(optimizer: Any, factor: int) -> list[dict[str, Any]]:
    """What each group of a torch optimizer sets otherwise in l short steps; lr as a factor.

    Raises:
        RunError: no short steps are known for it.
    """
    made = type(optimizer)
    kinds: list[Any] = [class_of("optimizers", name) for name in names_of("optimizers")]
    kind = next((k for k in kinds if k.torch_name and getattr(torch.optim, k.torch_name, None) is made), None)
    if kind is None:
        raise RunError(f"no short steps with amplified noise are known for {made.__module__}.{made.__name__}")
    found = []
    for group in optimizer.param_groups:
        names = {f.name: kind.renamed.get(f.name, f.name) for f in fields(kind)}
        told = {own: group[name] for own, name in names.items() if name in group and own != "lr"}
        short = kind(lr=1.0, **told).short(factor)
        if isinstance(short, str):
            raise RunError(short)
        found.append({name: value for name, value in short.settings().items() if name in group})
    return found


@contextmanager
def shortened(optimizer: Any, factor: int) -> Iterator[None]:
    """Let an optimizer make short steps, and then steps as before."""
    kept = []
    for group, scaled in zip(optimizer.param_groups, short_groups(optimizer, factor), strict=True):
        kept.append({name: group[name] for name in scaled})
        group.update({**scaled, "lr": group["lr"] * scaled["lr"]})
    try:
        yield
    finally:
        for group, before in zip(optimizer.param_groups, kept, strict=True):
            group.update(before)


def amplified_noise(surface: Any, batch_size: int, learning_rate: float, factor: int) -> list[Noise]:
    """The noises that at dt = η/l make −(η/l)[(1+s)/2 (g_B − ∇L) + (1−s)/2 (g_B′ − ∇L)], s = √(2l−1)."""
    dt, (added, subtracted) = learning_rate / factor, amplified_weights(factor)
    # √(η₁ dt) = dt (1+s)/2.
    first = Minibatch(surface, batch_size, dt * added**2, "subsample")
    return [first] if factor == 1 else [first, Counterweight(first, subtracted)]
