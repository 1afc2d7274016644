"""Binary cross-entropy of labels and of several targets."""

import numpy as np
import pytest

from sdesim.data import Chebyshev, Dataset, Digits
from sdesim.networks.losses import BCEWithLogits

torch = pytest.importorskip("torch")

from sdesim.training.data.accuracy import accuracy_of  # noqa: E402

LOSS, X = BCEWithLogits(), np.zeros((3, 1))
YES = np.array([1, 0, 1])
SEVERAL = Dataset(X, np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]]), X[:0], np.zeros((0, 2)))


def test_labels_have_one_logit_and_targets_one_each():
    labels = Dataset(X, YES, X[:0], YES[:0])

    assert (LOSS.outputs(labels), LOSS.outputs(SEVERAL)) == (1, 2)
    assert LOSS.misfit(labels) == LOSS.misfit(SEVERAL) == ""
    assert LOSS.misfit(Digits(20, 0)) == "bce_with_logits is of 2 classes, these data have 10"
    assert LOSS.misfit(Chebyshev()).startswith("found a target ")


def test_it_is_minus_the_log_of_the_probability_and_yes_is_above_0():
    z = torch.tensor([[2.0], [0.5], [-1.0]], dtype=torch.float64)
    function, y = LOSS.function(SEVERAL), torch.tensor(YES)
    p = z[:, 0].sigmoid()
    expected = -(p[0].log() + (1 - p[1]).log() + p[2].log()) / 3

    assert float(function(z, y)) == pytest.approx(float(expected), rel=1e-12)
    found = accuracy_of(torch.nn.Identity(), function, z, y)
    assert (found.sort, found.share(z, y)) == ("one logit", pytest.approx(1 / 3))


def test_of_several_targets_each_counts():
    z, y = torch.tensor([[2.0, -1.0], [0.5, -2.0], [1.0, 3.0]]), torch.tensor(SEVERAL.y_train).float()

    found = accuracy_of(torch.nn.Identity(), LOSS.function(SEVERAL), z, y)

    assert (found.sort, found.share(z, y)) == ("labels", pytest.approx(5 / 6))
