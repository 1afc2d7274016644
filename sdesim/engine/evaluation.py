"""Accuracies and test losses of the model that a simulated θ stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.surfaces.masked_surface import Masked
from sdesim.surfaces.network.mlp import MLP
from sdesim.surfaces.regression import RandomFeatures

Array = NDArray[np.float64]


class NetworkEvaluation:
    """Train accuracy, test loss and test accuracy of a model's surface at saved points.

    For a network the class is its largest output, for random features the sign of the one output.

    Args:
        surface: the training surface of a network or of random features, masked or not.
        x_test, y_test: test examples (m, features) and (m,) or (m, outputs); none without.
        labelled: whether the answers are classes, so that accuracy means something; by default where the loss
            is cross-entropy. For "mse" y_test may be labels or their one-hot codes, for random features ±1.
    """

    def __init__(
        self,
        surface: MLP | RandomFeatures | Masked,
        x_test: ArrayLike | None = None,
        y_test: ArrayLike | None = None,
        labelled: bool | None = None,
    ) -> None:
        self._embed = surface.embed if isinstance(surface, Masked) else np.asarray
        model: Any = surface.surface if isinstance(surface, Masked) else surface
        given = x_test is not None and y_test is not None and len(np.asarray(x_test)) > 0
        test = (x_test, y_test) if given else None
        self._model: Any = (
            _Network(model, test, labelled) if isinstance(model, MLP) else _Features(model, test, labelled)
        )

    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        points = self._embed(theta)
        return {name: np.array([f(t) for t in points]) for name, f in self._model.functions.items()}


class _Network:
    def __init__(self, surface: MLP, test: Any, labelled: bool | None) -> None:
        known = surface.loss_name == "cross_entropy" if labelled is None else labelled
        self.functions: dict[str, Any] = {"train_accuracy": surface.accuracy} if known else {}
        if test is None:
            return
        x, y = test[0], np.asarray(test[1])
        if surface.loss_name == "mse" and known and y.ndim == 1:
            y = np.eye(surface.widths[-1])[y]
        other = MLP(surface.widths, x, y, surface.activation, surface.loss_name)
        self.functions["test_loss"] = lambda theta: float(other.loss(theta))
        if known:
            self.functions["test_accuracy"] = other.accuracy


class _Features:
    def __init__(self, surface: RandomFeatures, test: Any, labelled: bool | None) -> None:
        self.functions: dict[str, Any] = {}
        if labelled:
            self.functions["train_accuracy"] = lambda theta: _hits(surface.A, surface.b, theta)
        if test is None:
            return
        phi, y = surface.features(test[0]), np.asarray(test[1], dtype=np.float64).reshape(-1)
        self.functions["test_loss"] = lambda theta: 0.5 * float(np.mean((phi @ theta - y) ** 2))
        if labelled:
            self.functions["test_accuracy"] = lambda theta: _hits(phi, y, theta)


def _hits(phi: Array, y: Array, theta: Array) -> float:
    """Share of the answers ±1 whose sign φθ has."""
    return float(np.mean((phi @ theta > 0) == (y > 0)))
