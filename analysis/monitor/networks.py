"""Six small networks with their examples, trained a little, so that signal and noise are of one order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

EXAMPLES, BATCH, CONTEXT, WORDS = 256, 16, 8, 12


@dataclass(frozen=True)
class Problem:
    """A network and its examples.

    Attributes:
        model: at the weights where trials begin. x, y: all examples, (N, …).
        loss: ``loss(output, y)``, the mean over examples.
    """

    model: nn.Module
    x: Tensor
    y: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]


class Residual(nn.Module):
    """Two convolutions with group norm and a way around them."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 6, 3, padding=1)
        self.norm = nn.GroupNorm(2, 6)
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.head = nn.Linear(6 * 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = h + self.second(torch.relu(self.norm(h)))
        out: Tensor = self.head(nn.functional.avg_pool2d(h, 2).flatten(1))
        return out


class Attention(nn.Module):
    """A causal transformer of one block, by layers of torch that a reader knows."""

    def __init__(self) -> None:
        super().__init__()
        width = 16
        self.words, self.places = nn.Embedding(WORDS, width), nn.Embedding(CONTEXT, width)
        self.before, self.after = nn.LayerNorm(width), nn.RMSNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 32), nn.Linear(32, width)
        self.head = nn.Linear(width, WORDS)

    def forward(self, x: Tensor) -> Tensor:
        h = self.words(x) + self.places(torch.arange(x.shape[1]))
        q, k, v = self.mix(self.before(h)).chunk(3, dim=-1)
        h = h + self.out(nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True))
        h = h + self.down(torch.tanh(self.up(self.after(h))))
        logits: Tensor = self.head(h)
        return logits


class Recurrent(nn.Module):
    """A gated recurrent layer, of which no per-example norm is known."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, 8)
        self.cell = nn.GRU(8, 16, batch_first=True)
        self.head = nn.Linear(16, WORDS)

    def forward(self, x: Tensor) -> Tensor:
        h, _ = self.cell(self.words(x))
        logits: Tensor = self.head(h[:, -1])
        return logits


def _pictures(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    y = torch.randint(4, (EXAMPLES,), generator=generator)
    patterns = torch.randn(4, 1, 8, 8, generator=generator)
    return patterns[y] + 1.5 * torch.randn(EXAMPLES, 1, 8, 8, generator=generator), y


def _vectors(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x, y = _pictures(generator)
    return x.flatten(1)[:, :20], y


def _texts(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    # Words that follow each other by a table, with mistakes.
    table = torch.randint(WORDS, (WORDS,), generator=generator)
    words = torch.randint(WORDS, (EXAMPLES, CONTEXT + 1), generator=generator)
    for k in range(CONTEXT):
        follow = torch.rand(EXAMPLES, generator=generator) < 0.6
        words[follow, k + 1] = table[words[follow, k]]
    return words[:, :-1], words[:, 1:]


def _next_word(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    x, y = _texts(generator)
    return x, y[:, -1]


def _of_texts(output: Tensor, y: Tensor) -> Tensor:
    return cross_entropy(output.flatten(0, 1), y.flatten())


def _convolution() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 4))


Made = Callable[[], nn.Module]
Data = Callable[[torch.Generator], tuple[Tensor, Tensor]]
# With the steps that it is trained for: from the first ones, where the signal is strong, to where it is lost.
NETWORKS: dict[str, tuple[Made, Data, Callable[[Tensor, Tensor], Tensor], int]] = {
    "logistic regression": (lambda: nn.Linear(20, 4), _vectors, cross_entropy, 60),
    "dense, layer norm": (
        lambda: nn.Sequential(nn.Linear(20, 32), nn.LayerNorm(32), nn.Tanh(), nn.Linear(32, 4)),
        _vectors,
        cross_entropy,
        10,
    ),
    "convolution": (_convolution, _pictures, cross_entropy, 20),
    "residual, group norm": (Residual, _pictures, cross_entropy, 5),
    "transformer": (Attention, _texts, _of_texts, 60),
    "recurrent": (Recurrent, _next_word, cross_entropy, 100),
}  # fmt: skip


def problem(name: str) -> Problem:
    """The network after some steps of plain SGD, the same each time."""
    make, data, loss, steps = NETWORKS[name]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        model = make()
        x, y = data(torch.Generator().manual_seed(7))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
        for _ in range(steps):
            rows = torch.randint(EXAMPLES, (BATCH,))
            optimizer.zero_grad()
            loss(model(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    optimizer.zero_grad()
    return Problem(model, x, y, loss)


def gradients(p: Problem) -> Tensor:
    """Gradients of all examples at the model's weights, (N, d) in float64."""
    rows, trained = [], list(p.model.parameters())
    for k in range(EXAMPLES):
        found = torch.autograd.grad(p.loss(p.model(p.x[k : k + 1]), p.y[k : k + 1]), trained)
        rows.append(torch.cat([g.reshape(-1) for g in found]).double())
    return torch.stack(rows)


def moments(g: Tensor) -> tuple[float, float]:
    """|μ|² and Tr Σ₁ of examples' gradients (N, d)."""
    mean = g.mean(dim=0)
    return float(mean @ mean), float(((g - mean) ** 2).sum(dim=1).mean())
