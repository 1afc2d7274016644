"""The small regression network that several studies of single steps look at, trained once in a lab."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .estimates import Array, c_one
from .lab import Lab, shared

EXAMPLES, BATCH, RATE = 512, 32, 0.1


@dataclass(frozen=True)
class Moment:
    """A network at one step of its training.

    Attributes:
        seed: number of the training run.
        step: steps trained.
        theta: (d,).
        gradients: ∇ℓ_i of every training example, (N, d).
        test_loss: mean squared error on the test examples.
    """

    seed: int
    step: int
    theta: Array
    gradients: Array
    test_loss: float

    @property
    def mu(self) -> Array:
        """The mean gradient (d,)."""
        return np.asarray(self.gradients.mean(axis=0))

    @property
    def c_one(self) -> float:
        """C of one example drawn at random."""
        return c_one(self.gradients)


@dataclass(frozen=True)
class Network:
    """The surface of the training loss and the network's moments, by seed and step."""

    surface: Any
    moments: tuple[Moment, ...]

    def of_seed(self, seed: int) -> tuple[Moment, ...]:
        return tuple(m for m in self.moments if m.seed == seed)


@shared
def regression_network(lab: Lab) -> Network:
    """A 10-32-1 tanh network learns a teacher by SGD, η = 0.1, B = 32, and is looked at 7 times a seed."""
    import torch

    from sdesim.data import teacher_student
    from sdesim.surfaces import MLP
    from sdesim.training import mlp, record

    seeds, steps = lab.size(3, 1), lab.size(3000, 600)
    data = teacher_student(EXAMPLES, 1000, features=10, hidden=10, noise=0.3, seed=lab.seed)
    run = record(
        mlp([10, 32, 1], seed=lab.seed), torch.nn.functional.mse_loss, data, None,
        lambda params: torch.optim.SGD(params, lr=RATE), steps=steps, batch_size=BATCH, seed=lab.seed,
        trajectories=seeds, init="fresh", save_every=steps // 30, progress=False,
    )  # fmt: skip
    surface = MLP([10, 32, 1], data.x_train, data.y_train)
    moments = []
    for k in range(seeds):
        # Denser at the start, where most happens.
        for place in (0, 1, 2, 4, 8, 16, 30):
            theta = run["theta"].values[k, place]
            test = float(np.mean((surface.outputs(theta, data.x_test) - data.y_test) ** 2))
            gradients = surface.example_gradients(theta)
            moments.append(Moment(k, int(run["step"].values[place]), theta, gradients, test))
    return Network(surface, tuple(moments))


def batch_gradients(gradients: Array, batch: int, n: int, rng: np.random.Generator) -> Array:
    """n mini-batch gradients (n, d), examples drawn with replacement."""
    size = len(gradients)
    counts = rng.multinomial(batch, np.full(size, 1 / size), size=n)
    return np.asarray(counts @ gradients / batch)


def distinct_gradients(gradients: Array, batch: int, n: int, rng: np.random.Generator) -> Array:
    """n mini-batch gradients (n, d) of distinct examples each."""
    size = len(gradients)
    weights = np.zeros((n, size))
    chosen = rng.permuted(np.tile(np.arange(size), (n, 1)), axis=1)[:, :batch]
    np.put_along_axis(weights, chosen, 1.0 / batch, axis=1)
    return np.asarray(weights @ gradients)
