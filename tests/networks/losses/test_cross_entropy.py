"""Cross-entropy of class labels."""

import math

import numpy as np
import pytest

from sdesim.data import Chebyshev, Dataset, Digits
from sdesim.kinds import Misfit
from sdesim.networks.losses import CrossEntropy

torch = pytest.importorskip("torch")

from sdesim.training.data.accuracy import accuracy_of  # noqa: E402
from sdesim.training.probes.reduction import reduction_of  # noqa: E402


def test_it_is_the_mean_of_minus_the_log_of_the_probability_of_the_label():
    # Probabilities 1/4, 3/4 and 1/2, 1/2.
    outputs = torch.tensor([[0.0, math.log(3.0)], [1.0, 1.0]], dtype=torch.float64)

    loss = CrossEntropy().function(Digits(20, 0))(outputs, torch.tensor([1, 0]))

    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2, rel=1e-12)


def test_targets_are_refused():
    assert CrossEntropy().misfit(Digits(20, 0)) == ""
    assert (
        CrossEntropy().misfit(Chebyshev()).startswith("found 'cross_entropy', allowed: bce_with_logits, mse")
    )


Z = torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, -0.5], [0.0, 3.0, 1.0], [-1.0, 0.5, 0.0]], dtype=torch.float64)
Y = torch.tensor([2, 0, 1, 0])
THREE = Dataset(np.zeros((4, 1)), Y.numpy(), np.zeros((0, 1)), Y.numpy()[:0])


def test_smoothing_weights_and_ignored_labels_are_their_formulas():
    minus_log = -(Z - Z.logsumexp(1, keepdim=True))
    own = minus_log[torch.arange(4), Y]
    w = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)[Y]
    kept = Y != 0
    expected = {
        CrossEntropy(label_smoothing=0.3): 0.7 * own.mean() + 0.1 * minus_log.sum(1).mean(),
        CrossEntropy(class_weights=(1.0, 2.0, 0.5)): (w * own).sum() / w.sum(),
        CrossEntropy(ignore_index=0): own[kept].mean(),
    }

    for loss, value in expected.items():
        assert loss.on_surfaces == ""
        assert float(loss.function(THREE)(Z, Y)) == pytest.approx(float(value), rel=1e-12)


def test_positions_count_alike_and_those_without_a_label_not_at_all():
    places = Dataset(
        np.zeros((2, 2)), Y.numpy().reshape(2, 2), np.zeros((0, 2)), np.zeros((0, 2), int), positions=2
    )
    ignored = torch.tensor([[2, -100], [1, 0]])
    own = -(Z - Z.logsumexp(1, keepdim=True))[torch.arange(4), Y]

    function = CrossEntropy().function(places)

    assert float(function(Z.reshape(2, 2, 3), Y.reshape(2, 2))) == pytest.approx(float(own.mean()), rel=1e-12)
    expected = own[[0, 2, 3]].mean()
    assert float(function(Z.reshape(2, 2, 3), ignored)) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "y", "reduction", "words"),
    [
        (CrossEntropy(label_smoothing=0.3), Y, "mean", "examples"),
        (CrossEntropy(class_weights=(1.0, 2.0, 0.5)), Y, "weighted mean", "examples"),
        (CrossEntropy(ignore_index=0), Y, "weighted mean", "examples; without the labels 0"),
    ],
)
def test_readings_know_what_a_batch_is_and_accuracy_what_counts(loss, y, reduction, words):
    function = loss.function(THREE)

    found = accuracy_of(torch.nn.Identity(), function, Z, y)

    many = torch.randn(24, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert reduction_of(function, many, torch.arange(24) ** 2 % 7 % 3) == reduction
    assert found.words == words
    # All but the last are right; where label 0 counts for nothing, two of two.
    assert found.share(Z, y) == (1.0 if loss.ignore_index == 0 else 0.75)


def test_weights_must_be_one_for_each_class_and_not_all_nothing():
    text = "class_weights: found 2, allowed: 3, one for each class"
    assert CrossEntropy(class_weights=(1.0, 2.0)).misfit(THREE) == text
    with pytest.raises(Misfit, match="at least one weight must be above 0"):
        CrossEntropy(class_weights=(0.0, 0.0))
