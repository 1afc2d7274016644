"""Accuracies and test losses of the model that θ stands for."""

import numpy as np
import pytest

from sdesim import surfaces
from sdesim.engine.evaluation import NetworkEvaluation
from sdesim.errors import SdesimError


def test_a_network_without_weights_has_the_loss_of_a_guess():
    x, y = np.eye(2), np.array([0, 1])
    surface = surfaces.MLP([2, 2], x, y, loss="cross_entropy")
    theta = np.zeros((1, surface.dim))

    found = NetworkEvaluation(surface, x, np.array([1, 1])).values(theta)

    assert set(found) == {"train_accuracy", "test_loss", "test_accuracy"}
    assert found["test_loss"] == pytest.approx([np.log(2.0)])


def test_a_surface_of_no_model_is_refused():
    with pytest.raises(SdesimError, match=r"^DoubleWell stands for no model that could be evaluated$"):
        NetworkEvaluation(surfaces.DoubleWell())
