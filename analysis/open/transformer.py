"""A two-layer causal transformer that predicts y from x after pairs (x₁, y₁), …, (x_k, y_k); its tasks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from .statistics import Array

DIM, PAIRS = 2, 12


class Block(nn.Module):
    """Causal attention and a two-layer network, each added to its input, each after a layer norm."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, h: Tensor) -> Tensor:
        """h (batch, tokens, width) → the same shape."""
        b, t, w = h.shape
        parts = self.queries(self.first(h)).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        scores = q @ k.transpose(-2, -1) / math.sqrt(w // self.heads)
        seen = torch.ones(t, t, dtype=torch.bool).tril()
        weights = scores.masked_fill(~seen, -1e9).softmax(dim=-1)
        h = h + self.out((weights @ v).transpose(1, 2).reshape(b, t, w))
        out: Tensor = h + self.down(nn.functional.gelu(self.up(self.second(h))))
        return out


class InContext(nn.Module):
    """x (batch, pairs, DIM), y (batch, pairs) → predictions (batch, pairs), each from the pairs before it."""

    def __init__(self, width: int = 32, layers: int = 2, heads: int = 2) -> None:
        super().__init__()
        self.read = nn.Linear(DIM + 1, width)
        self.places = nn.Parameter(0.1 * torch.randn(2 * PAIRS, width))
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm, self.predict = nn.LayerNorm(width), nn.Linear(width, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Tokens are x₁, y₁, x₂, y₂, …; the prediction of y_k is read at x_k."""
        b, n, _ = x.shape
        zero = x.new_zeros(b, n, 1)
        ask = torch.cat([x, zero], dim=-1)
        tell = torch.cat([x.new_zeros(b, n, DIM), y.unsqueeze(-1)], dim=-1)
        h = self.read(torch.stack([ask, tell], dim=2).view(b, 2 * n, DIM + 1)) + self.places[: 2 * n]
        for block in self.blocks:
            h = block(h)
        found: Tensor = self.predict(self.norm(h[:, ::2])).squeeze(-1)
        return found


def episodes(
    n: int, generator: torch.Generator, weights: Tensor | None = None, scrambled: bool = False
) -> tuple[Tensor, Tensor]:
    """n tasks y = w·x/√DIM with a w each (or the one given): x (n, PAIRS, DIM), y (n, PAIRS).

    scrambled: every pair has a w of its own, so that nothing can be learned from the context.
    """
    x = torch.randn(n, PAIRS, DIM, generator=generator)
    if weights is not None:
        w = weights.expand(n, 1, DIM)
    else:
        w = torch.randn(n, PAIRS if scrambled else 1, DIM, generator=generator)
    return x, (x * w).sum(dim=-1) / math.sqrt(DIM)


def episode_gradients(model: nn.Module, x: Tensor, y: Tensor, place: int | None = None) -> Array:
    """Gradients (n, d) of the squared error of each episode, at one place in the context or over all."""
    parameters = {k: v.detach() for k, v in model.named_parameters()}

    def loss(p: dict[str, Tensor], one: Tensor, target: Tensor) -> Tensor:
        error: Tensor = (functional_call(model, p, (one[None], target[None]))[0] - target) ** 2
        return error.mean() if place is None else error[place]

    per_episode: Callable[..., dict[str, Tensor]] = vmap(grad(loss), in_dims=(None, 0, 0))
    found = per_episode(parameters, x, y)
    return torch.cat([g.flatten(1) for g in found.values()], dim=1).double().numpy()


@torch.no_grad()
def errors(model: nn.Module, x: Tensor, y: Tensor) -> Array:
    """Mean squared error at each place of the context, (PAIRS,)."""
    found: Array = ((model(x, y) - y) ** 2).mean(dim=0).double().numpy()
    return found


def train_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, place: int | None = None
) -> None:
    """One optimizer step on the mean squared error over all places, or at one."""
    optimizer.zero_grad()
    error = (model(x, y) - y) ** 2
    (error.mean() if place is None else error[:, place].mean()).backward()
    optimizer.step()


def seeded(seed: int, stream: int) -> torch.Generator:
    """A generator of its own for every use."""
    words = np.random.SeedSequence([seed, 51, stream]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0] >> np.uint64(1)))
