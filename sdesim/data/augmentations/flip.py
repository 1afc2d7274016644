"""Images and their mirror images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt, Le

from sdesim.data.augmentations.base import Base, no_image
from sdesim.kinds import kind

if TYPE_CHECKING:
    from torch import Generator, Tensor


@kind("augmentations", "flip")
@dataclass(frozen=True)
class Flip(Base):
    """Left and right of an image exchanged, at random.

    Args:
        share: probability with which an image is mirrored.
    """

    share: Annotated[float, Gt(0), Le(1)] = 0.5

    def misfit(self, shape: tuple[int, ...], vocabulary: int | None = None) -> str:
        """Images alone."""
        return no_image(shape)

    def change(self, x: Tensor, generator: Generator) -> Tensor:
        """Images (B, C, H, W), each mirrored or not."""
        import torch

        mirrored = (torch.rand(len(x), generator=generator) < self.share).to(x.device)
        return torch.where(mirrored[:, None, None, None], x.flip(-1), x)
