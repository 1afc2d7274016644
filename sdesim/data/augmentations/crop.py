"""Images moved by a few pixels, as crops of the padded image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

from sdesim.data.augmentations.base import Base, no_image
from sdesim.kinds import kind

if TYPE_CHECKING:
    from torch import Generator, Tensor


@kind("augmentations", "crop")
@dataclass(frozen=True)
class Crop(Base):
    """A crop of an image's own size at a random place of the image padded with zeros.

    Args:
        padding: pixels on every side: the image moves by −padding … padding, each equally likely.

    Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2.
    """

    padding: Annotated[int, Ge(1)] = 1

    def misfit(self, shape: tuple[int, ...], vocabulary: int | None = None) -> str:
        """Images alone, larger than the padding."""
        if no_image(shape):
            return no_image(shape)
        if self.padding >= min(shape[1:]):
            return (
                f"found padding {self.padding} of examples of shape {shape}, allowed: less than their sides"
            )
        return ""

    def change(self, x: Tensor, generator: Generator) -> Tensor:
        """Images (B, C, H, W), each moved by itself."""
        import torch
        from torch.nn.functional import pad

        n, channels, height, width = x.shape
        top, left = torch.randint(2 * self.padding + 1, (2, n), generator=generator).to(x.device)
        rows = top[:, None] + torch.arange(height, device=x.device)
        columns = left[:, None] + torch.arange(width, device=x.device)
        image = torch.arange(n, device=x.device)[:, None, None, None]
        channel = torch.arange(channels, device=x.device)[:, None, None]
        padded = pad(x, (self.padding,) * 4)
        return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]
