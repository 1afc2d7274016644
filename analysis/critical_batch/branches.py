"""Many trainings of one network side by side: to the checkpoints, and branched off them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, vmap

from .problems import BETAS, DECAY, EPSILON, MOMENTUM, Network, Problem, initial

Array = NDArray[np.float64]
# Models that one evaluation takes at once: more don't fit the cache.
_AT_ONCE = 10


@dataclass(frozen=True)
class State:
    """Weights and memories of the optimizer, each (…, d), and the number of steps made."""

    theta: Tensor
    first: Tensor
    second: Tensor
    count: int = 0


def _sgd(s: State, g: Tensor, rate: Tensor) -> State:
    return State(s.theta - rate * g, s.first, s.second, s.count + 1)


def _momentum(s: State, g: Tensor, rate: Tensor) -> State:
    first = MOMENTUM * s.first + g
    return State(s.theta - rate * first, first, s.second, s.count + 1)


def _adamw(s: State, g: Tensor, rate: Tensor) -> State:
    first, second = BETAS[0] * s.first + (1 - BETAS[0]) * g, BETAS[1] * s.second + (1 - BETAS[1]) * g * g
    count = s.count + 1
    scale = (second / (1 - BETAS[1] ** count)).sqrt() + EPSILON
    step = first / (1 - BETAS[0] ** count) / scale
    return State((1 - rate * DECAY) * s.theta - rate * step, first, second, count)


OPTIMIZERS: dict[str, Callable[[State, Tensor, Tensor], State]] = {
    "sgd": _sgd, "momentum": _momentum, "adamw": _adamw
}  # fmt: skip


def preconditioner(problem: Problem, state: State) -> Tensor:
    """P, (…, d), of the step η P m̂ that the optimizer would make: 1, or 1/(√v̂ + ε)."""
    if problem.optimizer != "adamw":
        return torch.ones_like(state.theta)
    return 1 / ((state.second / (1 - BETAS[1] ** state.count)).sqrt() + EPSILON)


def checkpoints(problem: Problem, net: Network, seeds: int) -> list[State]:
    """States (seeds, d) at the problem's checkpoints."""
    x, y = problem.data()
    theta = torch.stack([initial(problem, seed) for seed in range(seeds)])
    state = State(theta, torch.zeros_like(theta), torch.zeros_like(theta))
    gradients = vmap(grad(net.loss))
    draws = [np.random.default_rng([11, seed]) for seed in range(seeds)]
    rate, move, found = torch.tensor(problem.rate), OPTIMIZERS[problem.optimizer], []
    for step in range(1, max(problem.steps) + 1):
        at = torch.tensor(np.stack([r.integers(len(x), size=problem.batch) for r in draws]))
        state = move(state, gradients(state.theta, x[at], y[at]), rate)
        if step in problem.steps:
            found.append(state)
    return found


class Branches:
    """Trainings of all seeds from one checkpoint, at one batch size and a column of rates each.

    Args:
        state: (seeds, d). batch: None for the gradient of the whole population.
        rates: (R, seeds). replicates: how often each; even, half of them to choose by and half to judge by.
    The same batches serve all rates (common random numbers).
    """

    def __init__(
        self, problem: Problem, net: Network, state: State, batch: int | None, rates: Array,
        replicates: int, key: int,
    ) -> None:  # fmt: skip
        self.x, self.y = problem.data()
        self.batch, self.net, self.move = batch, net, OPTIMIZERS[problem.optimizer]
        seeds, rows = len(state.theta), len(rates)
        self.seeds, self.replicates = seeds, replicates if batch is not None else 1
        # (seeds·replicates, R, d): the models that share their batches stand together.
        spread = [
            t.repeat_interleave(self.replicates, dim=0)[:, None].repeat(1, rows, 1)
            for t in (state.theta, state.first, state.second)
        ]
        self.state = State(spread[0], spread[1], spread[2], state.count)
        given = torch.tensor(rates.T, dtype=torch.float32).repeat_interleave(self.replicates, dim=0)
        self.rates = given[:, :, None]
        self.draws = [
            np.random.default_rng([key, batch or 0, seed, r])
            for seed in range(seeds)
            for r in range(self.replicates)
        ]
        one = vmap(grad(net.loss), in_dims=(0, None, None))
        self.gradients = vmap(one)
        self.at_all = one
        self.values = vmap(net.loss, in_dims=(0, None, None))

    def advance(self, steps: int) -> None:
        """So many steps of each."""
        for _ in range(steps):
            if self.batch is None:
                g = torch.stack([self.at_all(t, self.x, self.y) for t in self.state.theta])
            else:
                at = torch.tensor(np.stack([r.integers(len(self.x), size=self.batch) for r in self.draws]))
                g = self.gradients(self.state.theta, self.x[at], self.y[at])
            self.state = self.move(self.state, g, self.rates)

    def losses(self) -> Array:
        """Mean loss of the population over the replicates of either half, (2, R, seeds)."""
        flat = self.state.theta.reshape(-1, self.state.theta.shape[-1])
        with torch.no_grad():
            found = torch.cat([self.values(part, self.x, self.y) for part in torch.split(flat, _AT_ONCE)])
        made = found.double().numpy().reshape(self.seeds, self.replicates, -1)
        made = np.where(np.isfinite(made), made, np.inf)
        if self.replicates == 1:
            halves = np.stack([made[:, 0], made[:, 0]])
        else:
            half = self.replicates // 2
            halves = np.stack([made[:, :half].mean(axis=1), made[:, half:].mean(axis=1)])
        return np.moveaxis(halves, 2, 1)
