"""The two problems: data, network and the grids on which every arm is tuned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from sdesim.data import digits, mnist1d
from sdesim.training import mlp

LOSS = nn.functional.cross_entropy


@dataclass(frozen=True, eq=False)
class Problem:
    """Training, validation and test examples, and the network's widths."""

    name: str
    widths: tuple[int, ...]
    activation: str
    x: Tensor
    y: Tensor
    x_valid: Tensor
    y_valid: Tensor
    x_test: Tensor
    y_test: Tensor

    def network(self, seed: int) -> nn.Sequential:
        """A new network, the same for every arm of a seed."""
        return mlp(self.widths, self.activation, seed=seed, dtype=torch.float32)


@cache
def problem(name: str, label_noise: float = 0.0) -> Problem:
    """ "digits" (1,000 for training, 297 for validation, 500 for test) or "mnist1d" (3,000, 500, 1,000)."""
    if name == "digits":
        data, valid, widths, activation = digits(1000, 797, 0, label_noise), 297, (64, 32, 10), "tanh"
    else:
        data, valid, widths, activation = mnist1d(3000, 1500, label_noise), 500, (40, 64, 10), "relu"
    x, y = torch.from_numpy(data.x_train).float(), torch.from_numpy(data.y_train)
    held, labels = torch.from_numpy(data.x_test).float(), torch.from_numpy(data.y_test)
    return Problem(name, widths, activation, x, y, held[:valid], labels[:valid], held[valid:], labels[valid:])


@dataclass(frozen=True)
class Size:
    """How large the study is.

    Attributes:
        budget: gradients of single examples that a run may spend, its probes included.
        probes: a run that measures does so after every such share of the budget, its own costs not counted.
        seeds: seeds of the comparison, the same for all arms. tuning: seeds on which arms are tuned.
        rates: learning rates of plain gradient descent. fast_rates: with momentum 0.9.
        scales: multiples of the steepest-descent rate, the grid of the corrected schedule.
        batches: batch sizes. decays: weight decays.
    """

    budget: int = 96_000
    probes: int = 20
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7)
    tuning: tuple[int, ...] = (100, 101, 102)
    rates: tuple[float, ...] = (0.015, 0.05, 0.15, 0.5, 1.5, 5.0)
    fast_rates: tuple[float, ...] = (0.002, 0.006, 0.02, 0.06, 0.2, 0.6, 2.0)
    scales: tuple[float, ...] = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
    batches: tuple[int, ...] = (8, 32, 128)
    decays: tuple[float, ...] = (0.0, 1e-3, 3e-3, 1e-2, 3e-2)


QUICK = Size(
    budget=12_000, probes=6, seeds=(0, 1), tuning=(100,), rates=(0.15, 0.5), fast_rates=(0.06, 0.2),
    scales=(3.0, 10.0), batches=(32, 128), decays=(0.0, 1e-2),
)  # fmt: skip
