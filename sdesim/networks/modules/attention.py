"""Transformers over tokens, of plain products: fused attention has no second derivative."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sdesim.networks.fully_connected import ACTIVATIONS
from sdesim.networks.modules.parts import Embedding, normalisation


class Attention(nn.Module):
    """softmax(Q Kᵀ/√(width/heads)) V of each head, (n, T, width) → (n, T, width).

    Args:
        width: of the vectors. heads: that share it out.
        causal: whether a position sees none after it.
        dropout: of the attention's weights.
    """

    def __init__(self, width: int, heads: int, causal: bool, dropout: float) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.mix = nn.Linear(width, 3 * width, dtype=torch.float64)
        self.out = nn.Linear(width, width, dtype=torch.float64)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """What each position takes from those that it sees."""
        n, places, width = x.shape
        q, k, v = self.mix(x).reshape(n, places, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5
        if self.causal:
            later = torch.ones(places, places, dtype=torch.bool, device=x.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        seen = self.dropout(scores.softmax(-1)) @ v
        made: Tensor = self.out(seen.transpose(1, 2).reshape(n, places, width))
        return made

    def extra_repr(self) -> str:
        """What its parts don't show."""
        return f"heads={self.heads}, causal={self.causal}"


class Layer(nn.Module):
    """x + attention(norm x), then x + mlp(norm x).

    Args:
        width, heads, causal, dropout: as of `Attention`; what is added is dropped out too.
        inner: width between the two Linear layers of the mlp. activation: of it.
        norm: "layer" or "none".
    """

    def __init__(
        self, width: int, heads: int, causal: bool, dropout: float, inner: int, activation: str, norm: str
    ) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            *normalisation(norm, width), Attention(width, heads, causal, dropout), nn.Dropout(dropout)
        )
        self.mlp = nn.Sequential(
            *normalisation(norm, width),
            nn.Linear(width, inner, dtype=torch.float64),
            ACTIVATIONS[activation](),
            nn.Linear(inner, width, dtype=torch.float64),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, T, width) → (n, T, width)."""
        x = x + self.attention(x)
        made: Tensor = x + self.mlp(x)
        return made


class Transformer(nn.Module):
    """Tokens (n, T) → outputs (n, K) of the last position, or (n, T, K) of every one.

    Args:
        vocabulary: number of tokens. context: T.
        layers: as they stand, of one width. width: of the vectors.
        outputs: K. every: whether every position gives outputs.
        dropout: of the embeddings. norm: before the head.
    """

    def __init__(
        self, vocabulary: int, context: int, layers: list[Layer], width: int, outputs: int, every: bool,
        dropout: float, norm: str,
    ) -> None:  # fmt: skip
        super().__init__()
        self.every = every
        self.tokens = Embedding(vocabulary, width)
        self.places = Embedding(context, width)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(*normalisation(norm, width), nn.Linear(width, outputs, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of tokens that are given as whole or as floating numbers."""
        z = self.tokens(x.long()) + self.places.weight
        z = self.layers(self.dropout(z))
        made: Tensor = self.head(z if self.every else z[:, -1])
        return made

    def extra_repr(self) -> str:
        """What its parts don't show."""
        return f"every={self.every}"
