"""Small networks that learn to read digits by plain SGD, for studies that look at whole trainings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdesim import estimators as est
from sdesim.data import digits
from sdesim.surfaces import MLP

from .estimates import Array


@dataclass(frozen=True)
class Reader:
    """A network of the digits: the surface of its training loss, and images it has not seen."""

    net: MLP
    x_test: Array
    y_test: Array

    def test_error(self, theta: Array) -> float:
        """Share of test images read wrongly."""
        return 1 - self.net.accuracy(theta, self.x_test, self.y_test)

    def gap(self, theta: Array) -> float:
        """Training accuracy less test accuracy."""
        return self.net.accuracy(theta) - 1 + self.test_error(theta)

    def lambda_max(self, theta: Array) -> float:
        """Largest eigenvalue of the Hessian of the training loss."""
        return est.lanczos_edges(lambda v: self.net.hvp(theta, v), self.net.dim)[1]


def reader(
    train: int, hidden: Sequence[int], seed: int, activation: str = "tanh", label_noise: float = 0.0,
) -> Reader:  # fmt: skip
    """A 64-…-10 network with cross-entropy; the seed draws images and starting weights."""
    data = digits(train=train, test=700, seed=seed, label_noise=label_noise)
    net = MLP(
        [64, *hidden, 10],
        data.x_train,
        data.y_train,
        activation=activation,
        loss="cross_entropy",
        seed=seed,
    )
    return Reader(net, data.x_test, data.y_test)


def sgd(net: MLP, theta: Array, eta: float, batch: int, steps: int, rng: np.random.Generator) -> Array:
    """θ after so many steps, examples drawn with replacement."""
    return path(net, theta, eta, batch, steps, rng, steps)[-1]


def path(
    net: MLP, theta: Array, eta: float, batch: int, steps: int, rng: np.random.Generator, every: int = 1
) -> Array:
    """θ at the start and after each `every` steps of SGD: (1 + steps/every, d)."""
    kept, n = [theta], net.examples
    for t in range(1, steps + 1):
        weights = np.bincount(rng.integers(n, size=batch), minlength=n) / batch
        theta = theta - eta * net.weighted_gradient(theta, weights)
        if t % every == 0:
            kept.append(theta)
    return np.array(kept)
