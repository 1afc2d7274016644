"""The loss of a network on a data set, by its recipe."""

import numpy as np
import pytest

from sdesim.data import Digits, TeacherStudent
from sdesim.errors import SdesimError
from sdesim.kinds import read
from sdesim.networks import MLP as Network
from sdesim.surfaces import MLP, NetworkLoss, masked

DATA = Digits(train=30, test=20)


def test_it_is_the_surface_of_the_network_on_the_training_examples():
    surface = NetworkLoss(DATA, Network((64, 5, 10), seed=3))
    found = DATA.load()
    by_hand = MLP((64, 5, 10), found.x_train, found.y_train, loss="cross_entropy", seed=3)
    theta = by_hand.start + 0.1

    assert (surface.dim, surface.examples, surface.wells) == (by_hand.dim, 30, ())
    assert surface.groups == by_hand.groups
    np.testing.assert_array_equal(surface.start, by_hand.start)
    np.testing.assert_array_equal(surface.grad(theta), by_hand.grad(theta))
    np.testing.assert_array_equal(surface.hvp(theta, theta), by_hand.hvp(theta, theta))
    np.testing.assert_array_equal(
        surface.example_gradients(theta, [4]), by_hand.example_gradients(theta, [4])
    )
    values = surface.evaluation().values(theta[None])
    expected = by_hand.evaluation(found.x_test, found.y_test).values(theta[None])
    assert values == expected
    assert set(values) == {"train_accuracy", "test_loss", "test_accuracy"}


def test_labels_under_squared_error_are_one_hot_codes_and_a_network_without_biases_is_masked():
    surface = NetworkLoss(DATA, Network((64, 4, 10), bias=False), "mse")
    found = DATA.load()
    whole = MLP((64, 4, 10), found.x_train, np.eye(10)[found.y_train])
    weights = np.concatenate([np.ones(256), np.zeros(4), np.ones(40), np.zeros(10)]).astype(bool)
    by_hand = masked(whole, weights, 0.0)

    assert surface.dim == by_hand.dim == 296
    np.testing.assert_array_equal(surface.start, by_hand.start)
    np.testing.assert_array_equal(surface.grad(surface.start), by_hand.grad(surface.start))
    assert "train_accuracy" in surface.evaluation().values(surface.start[None])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: NetworkLoss(DATA, Network((63, 10))), r"network.widths\[0\]: found 63, allowed: 64"),
        (lambda: NetworkLoss(DATA, Network((64, 9))), r"network.widths\[1\]: found 9, allowed: 10"),
        (
            lambda: NetworkLoss(TeacherStudent(), Network((20, 1))),
            "loss: found 'cross_entropy', allowed: bce_with_logits, mse",
        ),
        (lambda: NetworkLoss("digit", Network((64, 10))), "data: found 'digit'"),
        (lambda: read("surfaces", {"kind": "mlp", "data": "digits"}), "network: missing"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(make, words):
    with pytest.raises(SdesimError, match=words):
        make()
