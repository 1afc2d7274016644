"""Layers that several networks share: normalisation, and how the numbers of an example are arranged."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

NORMALISATIONS = ("none", "layer", "batch")
_BATCH: dict[int, type[nn.Module]] = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


def normalisation(
    name: str, width: int, axes: int = 0, dtype: torch.dtype = torch.float64
) -> list[nn.Module]:
    """The layer that normalises so many features or channels, in a list; an empty one for "none".

    Args:
        name: "none"; "layer": over the features of an example, or over all channels and places of one;
            "batch": over the examples of a batch, and over places.
        width: features or channels. axes: of places behind the channels: 0, 1 or 2.
        dtype: of the parameters.
    """
    if name == "none":
        return []
    if name == "batch":
        made: Any = _BATCH[axes]
        return [made(width, dtype=dtype)]
    return [nn.GroupNorm(1, width, dtype=dtype) if axes else nn.LayerNorm(width, dtype=dtype)]


class Arranged(nn.Module):
    """Flat features (n, F) in their shape: (n, *shape).

    Args:
        shape: of one example.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """Arrange them."""
        return x.reshape(x.shape[0], *self.shape)

    def extra_repr(self) -> str:
        """The shape."""
        return f"shape={self.shape}"


class Averaged(nn.Module):
    """Channels averaged over their places: (n, C, …) → (n, C)."""

    def forward(self, x: Tensor) -> Tensor:
        """Average them."""
        return x.flatten(2).mean(2)


class Embedding(nn.Embedding):
    """Vectors (…, width) of whole numbers, drawn from N(0, 1/width).

    Args:
        count: how many numbers there are.
        width: of the vectors.
        dtype: of the parameters.
    """

    def __init__(self, count: int, width: int, dtype: torch.dtype = torch.float64) -> None:
        super().__init__(count, width, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the vectors anew."""
        with torch.no_grad():
            self.weight.normal_(0.0, self.embedding_dim**-0.5)
