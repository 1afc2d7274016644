"""The networks whose readings are timed, with their examples: torch only, alike in every environment."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH, BATCHES = 16, 32


class Attention(nn.Module):
    """A block of a transformer, by plain products, which can be differentiated twice."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        parts = self.mix(self.before(x)).reshape(b, t, 3, self.heads, d // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        later = torch.ones(t, t, dtype=torch.bool).triu(1)
        scores = (q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5).masked_fill(later, -1e9)
        x = x + self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.between(x))))


class Language(nn.Module):
    """Two blocks of width 64 with a head of their own: the form of GPT-2."""

    def __init__(self, vocabulary: int = 96, width: int = 64, length: int = 32) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.Sequential(Attention(width, 4), Attention(width, 4))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        places = torch.arange(ids.shape[1]).expand(ids.shape)
        return self.head(self.norm(self.blocks(self.tokens(ids) + self.places(places)))).transpose(1, 2)


class Residual(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.one, self.two = (
            nn.Conv2d(before, width, 3, stride, 1, bias=False),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
        )
        self.first, self.second = nn.GroupNorm(4, width), nn.GroupNorm(4, width)
        self.around = nn.Conv2d(before, width, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.second(self.two(F.relu(self.first(self.one(x))))) + self.around(x))


def resnet(width: int) -> nn.Module:
    """The form of ResNet-18 for 32 × 32 pictures, with norms over groups in place of batches."""
    widths = [width, width, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width]
    blocks = [Residual(a, b, 1 if a == b else 2) for a, b in pairwise(widths)]
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.GroupNorm(4, width), nn.ReLU(), *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 10),
    )  # fmt: skip


def network(name: str) -> tuple[nn.Module, Any, Tensor, Tensor]:
    """Module, loss, x and y: "dense", "convolutional", "transformer" or "residual"."""
    torch.manual_seed(0)
    loss = nn.CrossEntropyLoss()
    if name == "dense":
        made: nn.Module = nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 10))
        return made, loss, torch.randn(500, 64), torch.randint(10, (500,))
    if name == "convolutional":
        made = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(784, 11), nn.ReLU(), nn.Linear(11, 10),
        )  # fmt: skip
        return made, loss, torch.randn(256, 1, 28, 28), torch.randint(10, (256,))
    if name == "transformer":
        ids = torch.randint(96, (128, 33))
        return Language(), loss, ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
    return resnet(8), loss, torch.randn(64, 3, 32, 32), torch.randint(10, (64,))


def batches(n: int) -> Tensor:
    """Numbers (32, 16) of the examples of each minibatch."""
    return torch.randint(n, (BATCHES, BATCH), generator=torch.Generator().manual_seed(1))
