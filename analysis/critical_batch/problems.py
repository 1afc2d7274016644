"""What is trained: networks on a finite population from which batches are drawn with replacement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

MOMENTUM, BETAS, EPSILON, DECAY = 0.9, (0.9, 0.99), 1e-8, 0.01


@dataclass(frozen=True)
class Problem:
    """A training whose critical batch size is measured.

    Attributes:
        net: makes the module; its weights are drawn from torch's generator.
        data: makes the population (x, y), N examples.
        optimizer: one of `branches.OPTIMIZERS`.
        batch, rate: of the training that leads to the checkpoints; steps: these, in steps.
        top: the largest finite batch tried.
    """

    net: Callable[[], nn.Module]
    data: Callable[[], tuple[Tensor, Tensor]]
    optimizer: str
    batch: int
    rate: float
    steps: tuple[int, ...]
    top: int = 512

    @property
    def momentum(self) -> float:
        """β of the mean over past gradients that a step is made of."""
        return {"sgd": 0.0, "momentum": MOMENTUM, "adamw": BETAS[0]}[self.optimizer]


class Attentive(nn.Module):
    """One causal layer of a transformer over T tokens, (n, T) → (n, T, vocabulary), of plain products."""

    def __init__(self, vocabulary: int, places: int, width: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(0.3 * torch.randn(vocabulary, width))
        self.places = nn.Parameter(0.3 * torch.randn(places, width))
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of each next token."""
        z = self.tokens[x] + self.places
        q, k, v = self.mix(self.first(z)).chunk(3, dim=-1)
        scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5
        later = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        z = z + self.out(scores.masked_fill(later, -1e9).softmax(-1) @ v)
        z = z + self.down(nn.functional.gelu(self.up(self.second(z))))
        made: Tensor = self.head(z)
        return made


def digits(images: bool) -> tuple[Tensor, Tensor]:
    """512 of scikit-learn's digits, one in ten of them with a label drawn anew, so that noise remains."""
    from sklearn.datasets import load_digits

    found, rng = load_digits(), np.random.default_rng(1)
    chosen = rng.permutation(len(found.target))[:512]
    x, y = found.data[chosen] / 8 - 1, found.target[chosen].copy()
    y[:51] = rng.integers(10, size=51)
    shape = (-1, 1, 8, 8) if images else (-1, 64)
    return torch.tensor(x, dtype=torch.float32).reshape(shape), torch.tensor(y)


def language() -> tuple[Tensor, Tensor]:
    """256 sequences of 8 letters and the letters after them, of a random chain of second order over 12."""
    rng = np.random.default_rng(2)
    law = rng.dirichlet(np.full(12, 0.15), size=(12, 12))
    letters = rng.integers(12, size=(256, 2))
    while letters.shape[1] < 9:
        cut = law[letters[:, -2], letters[:, -1]].cumsum(axis=1)
        nextly = (rng.random((256, 1)) > cut).sum(axis=1).clip(max=11)
        letters = np.concatenate([letters, nextly[:, None]], axis=1)
    whole = torch.tensor(letters)
    return whole[:, :-1], whole[:, 1:]


def _softmax() -> nn.Module:
    return nn.Linear(64, 10)


def _mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 24), nn.Tanh(), nn.Linear(24, 10))


def _conv() -> nn.Module:
    first, second = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 8, 3, stride=2)
    return nn.Sequential(first, nn.Tanh(), second, nn.Tanh(), nn.Flatten(), nn.Linear(32, 10))


PROBLEMS: dict[str, Problem] = {
    "softmax, SGD": Problem(_softmax, lambda: digits(False), "sgd", 16, 0.1, (20, 200, 2000)),
    "MLP, SGD": Problem(_mlp, lambda: digits(False), "sgd", 16, 0.2, (30, 200, 1000)),
    "MLP, AdamW": Problem(_mlp, lambda: digits(False), "adamw", 16, 0.003, (30, 150, 600)),
    "convolution, momentum": Problem(_conv, lambda: digits(True), "momentum", 16, 0.02, (50, 200, 800)),
    "transformer, AdamW": Problem(
        lambda: Attentive(12, 8, 16), language, "adamw", 16, 0.003, (40, 200, 1000)
    ),
}


@dataclass(frozen=True)
class Network:
    """A module as a function of its flat parameters: `loss` (θ (d,), x, y) → mean loss, and their number."""

    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    dim: int


def network(problem: Problem) -> Network:
    """The problem's mean cross-entropy as a function of θ."""
    net = problem.net()
    names = [name for name, _ in net.named_parameters()]
    shapes = [p.shape for p in net.parameters()]
    sizes = [p.numel() for p in net.parameters()]

    def loss(theta: Tensor, x: Tensor, y: Tensor) -> Tensor:
        parts = {n: p.view(s) for n, p, s in zip(names, torch.split(theta, sizes), shapes, strict=True)}
        out = functional_call(net, parts, (x,))
        return nn.functional.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1))

    return Network(loss, sum(sizes))


def initial(problem: Problem, seed: int) -> Tensor:
    """θ_0 (d,) of a seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1000 + seed)
        return torch.cat([p.detach().reshape(-1) for p in problem.net().parameters()])
