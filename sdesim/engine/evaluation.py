"""Accuracies and test losses of the model that a simulated θ stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.surfaces.base import Surface

Array = NDArray[np.float64]


class NetworkEvaluation:
    """Train accuracy, test loss and test accuracy of a model's surface at saved points.

    For a network the class is its largest output, for random features the sign of the one output.

    Args:
        surface: the training surface of a model, masked or not.
        x_test, y_test: test examples (m, features) and (m,) or (m, outputs); none without.
        labelled: whether the answers are classes, so that accuracy means something; by default where the loss
            is cross-entropy. For "mse" y_test may be labels or their one-hot codes, for random features ±1.

    Raises:
        SdesimError: if the surface is not that of a model.
    """

    def __init__(
        self,
        surface: Surface,
        x_test: ArrayLike | None = None,
        y_test: ArrayLike | None = None,
        labelled: bool | None = None,
    ) -> None:
        found = surface.evaluation(x_test, y_test, labelled)
        if found is None:
            raise SdesimError(f"{type(surface).__name__} stands for no model that could be evaluated")
        self._evaluation = found

    def values(self, theta: Array) -> dict[str, Array]:
        """Schema names → (k,) for points theta (k, d)."""
        return self._evaluation.values(theta)
