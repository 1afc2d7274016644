"""A network as one would write it without sdesim."""

from __future__ import annotations

from torch import Tensor, nn


class Residual(nn.Module):
    """Blocks x + V tanh(W x + b) of one width, between a linear layer in and one out.

    Args:
        features: of an example.
        outputs: classes.
        width: of the blocks.
        blocks: how many there are.
    """

    def __init__(self, features: int = 2, outputs: int = 2, width: int = 8, blocks: int = 1) -> None:
        super().__init__()
        self.first = nn.Linear(features, width)
        self.inside = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width, bias=False))
            for _ in range(blocks)
        )
        self.last = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(n, features) → (n, outputs)."""
        x = self.first(x)
        for block in self.inside:
            x = x + block(x)
        return self.last(x)
