"""Noise on the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt

from sdesim.data.augmentations.base import Base
from sdesim.kinds import kind

if TYPE_CHECKING:
    from torch import Generator, Tensor


@kind("augmentations", "noise")
@dataclass(frozen=True)
class Noise(Base):
    """Independent Gaussian noise on every feature: x + std·ξ, ξ ~ N(0, 1).

    Args:
        std: standard deviation, in the units of x.

    Source: Bishop, Training with Noise is Equivalent to Tikhonov Regularization, Neural Computation 7 (1995).
    """

    std: Annotated[float, Gt(0)] = 0.1

    def misfit(self, shape: tuple[int, ...], vocabulary: int | None = None) -> str:
        """No tokens, which are no numbers."""
        return "" if vocabulary is None else f"found {vocabulary} tokens, allowed: features that are numbers"

    def change(self, x: Tensor, generator: Generator) -> Tensor:
        """Inputs (B, …) with noise."""
        import torch

        return x + self.std * torch.randn(x.shape, generator=generator, dtype=x.dtype).to(x.device)
