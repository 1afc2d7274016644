"""The square root rule: Adam at κ times the batch against Adam, where noise or where the signal is larger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from analysis.twin.orders.families import START, slope, strength
from analysis.twin.orders.study import observed
from sdesim.optimizers import Adam

KAPPA = 4
RATE, BETAS, EPSILON = 0.01, (0.97, 0.99), 1e-8


@dataclass(frozen=True)
class Scaled:
    """Adam and Adam by a rule, after as many examples.

    Attributes:
        noise: √(Tr Σ/‖∇L‖²) of one step at the start.
        gaps: by rule, the largest |mean difference| over the observables in units of Adam's own spread.
        errors: their standard errors.
    """

    noise: float
    gaps: dict[str, float]
    errors: dict[str, float]


def scaled(sigma: float, *, steps: int = 400, count: int = 4000, seed: int = 0) -> Scaled:
    """Adam for so many steps at one batch, and by each rule for 1/κ of them at κ times the batch.

    Args:
        sigma: standard deviation of one step's noise.
    """
    own = Adam(RATE, batch_size=1, betas=BETAS, eps=EPSILON)
    before = _trained(own, sigma, steps, count, seed)
    rules = {
        "square root": own.scaled(KAPPA),
        "linear": Adam(RATE * KAPPA, betas=own.scaled(KAPPA).betas, eps=EPSILON),
    }
    gaps, errors = {}, {}
    for k, (name, optimizer) in enumerate(rules.items()):
        after = _trained(optimizer, sigma / KAPPA**0.5, steps // KAPPA, count, seed + k + 1)
        spread = before.std(0)
        apart = np.abs((after.mean(0) - before.mean(0)) / spread)
        worst = int(apart.argmax())
        gaps[name] = float(apart[worst])
        errors[name] = float(np.hypot(after.std(0)[worst] / spread[worst], 1.0) / count**0.5)
    start = START[None]
    ratio = (strength(start, 1.0, sigma) ** 2).sum() / (slope(start) ** 2).sum()
    return Scaled(float(ratio.sqrt()), gaps, errors)


def _trained(optimizer: Adam, sigma: float, steps: int, count: int, seed: int) -> Any:
    made = torch.Generator().manual_seed(seed)
    equation: Any = optimizer.sde()
    theta = START.repeat(count, 1)
    state = equation.initial(theta)
    for step in range(steps):
        drawn = torch.randn(theta.shape, generator=made, dtype=torch.float64)
        gradient = slope(theta) + strength(theta, 1.0, sigma) * drawn
        equation.advance(theta, state, [gradient], rate=optimizer.lr, share=1.0, step=step)
    return observed(theta).numpy()
