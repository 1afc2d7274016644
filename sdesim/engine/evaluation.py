"""Accuracies of the network that a simulated θ stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.surfaces.mlp import MLP

Array = NDArray[np.float64]


class NetworkEvaluation:
    """Train accuracy, test loss and test accuracy of a network's surface at saved points.

    Args:
        surface: the training surface.
        x_test, y_test: test examples (m, features) and (m,) or (m, outputs); none without.
    """

    def __init__(
        self, surface: MLP, x_test: ArrayLike | None = None, y_test: ArrayLike | None = None
    ) -> None:
        self.surface = surface
        self.test: MLP | None = None
        if x_test is not None and y_test is not None and len(np.asarray(x_test)):
            self.test = MLP(surface.widths, x_test, y_test, surface.activation, surface.loss_name)

    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        if self.surface.loss_name != "cross_entropy":
            return {} if self.test is None else {"test_loss": self.test.loss(theta)}
        found = {"train_accuracy": np.array([self.surface.accuracy(t) for t in theta])}
        if self.test is not None:
            found["test_loss"] = self.test.loss(theta)
            found["test_accuracy"] = np.array([self.test.accuracy(t) for t in theta])
        return found
