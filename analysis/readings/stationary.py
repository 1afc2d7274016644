"""The stationary state of a logistic regression, where C must equal C* under any optimizer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from sdesim.estimators import critical_consolidation
from sdesim.networks.fully_connected import flat_parameters
from sdesim.runs import probe, probe_rng
from sdesim.training import TorchOracle
from sdesim.training.loop.one_seed import isolated_torch, update
from sdesim.training.probes.preconditioning import linear_step

EXAMPLES, INPUTS, BATCH = 500, 8, 8
BURN, APART, READINGS, SAMPLES = 3000, 20, 200, 48
OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.2),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
    "Nesterov": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.05),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}


@dataclass(frozen=True)
class Stationary:
    """Means over readings far apart: C, C* of the optimizer's process, C* of a step −η g, and the error of
    the first less the second (95%)."""

    optimizer: str
    c: float
    star: float
    plain_star: float
    error: float


def stationary(name: str, readings: int = READINGS, burn: int = BURN) -> Stationary:
    """Train past the burn-in and read C and C* on the way."""
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(EXAMPLES, INPUTS, generator=rng, dtype=torch.float64) * torch.linspace(0.5, 2.0, INPUTS)
    y = (x[:, 0] - 0.5 * x[:, 3] + torch.randn(EXAMPLES, generator=rng, dtype=torch.float64) > 0).long()
    with isolated_torch():
        torch.manual_seed(0)
        model, loss = nn.Linear(INPUTS, 2, dtype=torch.float64), nn.functional.cross_entropy
        optimizer = OPTIMIZERS[name](model.parameters())
        oracle = TorchOracle(model, loss, x, y, BATCH)
        rows: list[tuple[float, float, float]] = []
        for step in range(burn + APART * readings):
            if step >= burn and (step - burn) % APART == 0:
                rows.append(_reading(oracle, model, optimizer, step))
            chosen = torch.randint(EXAMPLES, (BATCH,), generator=rng)
            update(model, loss, optimizer, x[chosen], y[chosen])
    c, star, plain = np.array(rows).T
    gap = (c - star).reshape(20, -1).mean(axis=1)
    error = 2.09 * float(gap.std(ddof=1)) / math.sqrt(20)
    return Stationary(name, float(c.mean()), float(star.mean()), float(plain.mean()), error)


def _reading(oracle: TorchOracle, model: nn.Module, optimizer: Any, step: int) -> tuple[float, float, float]:
    """C, C* of the process and C* of a plain step at the optimizer's rate."""
    eta = float(optimizer.param_groups[0]["lr"])
    found: dict[str, Any] = probe(
        oracle, flat_parameters(model), samples=SAMPLES, rng=probe_rng(0, 0, step), step_size=eta,
        step=linear_step(model, optimizer),
    )  # fmt: skip
    signal, noise = found["signal"] - found["noise"] / SAMPLES, found["noise"]
    c = signal / noise
    plain = critical_consolidation(eta, found["hessian_signal"], found["hessian_noise"], noise, SAMPLES)
    star = found["process_bend"] + found["process_spread"] + c - found["process_ratio"]
    return c, star, float(plain)
