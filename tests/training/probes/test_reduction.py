"""What the loss of a batch is of the losses of its examples, by measurement."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sdesim.training.probes.reduction import reduction_of

GENERATOR = torch.Generator().manual_seed(0)
OUTPUT = torch.randn(64, 5, generator=GENERATOR, dtype=torch.float64)
LABELS = torch.randint(5, (64,), generator=GENERATOR)
WEIGHT = torch.tensor([1.0, 2.0, 0.5, 3.0, 7.0], dtype=torch.float64)
IGNORED = LABELS.clone()
IGNORED[::7] = -100
TOKENS = torch.randn(32, 5, 6, generator=GENERATOR, dtype=torch.float64)
WORDS = torch.randint(5, (32, 6), generator=GENERATOR)
WORDS[torch.rand(32, 6, generator=GENERATOR) < 0.4] = -100


def relative(output, y):
    losses = cross_entropy(output, y, reduction="none")
    return losses.max() / losses.min()


@pytest.mark.parametrize(
    ("loss", "output", "labels", "word"),
    [
        (cross_entropy, OUTPUT, LABELS, "mean"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), OUTPUT, LABELS, "mean"),
        (lambda o, y: cross_entropy(o, y) + 3.0, OUTPUT, LABELS, "mean"),
        (nn.CrossEntropyLoss(reduction="sum"), OUTPUT, LABELS, "sum"),
        (lambda o, y: cross_entropy(o, y, reduction="sum") + 3.0, OUTPUT, LABELS, "sum and constant"),
        (nn.CrossEntropyLoss(weight=WEIGHT), OUTPUT, LABELS, "weighted mean"),
        (nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1), OUTPUT, LABELS, "weighted mean"),
        (cross_entropy, OUTPUT, IGNORED, "weighted mean"),
        (cross_entropy, TOKENS, WORDS, "weighted mean"),
        (relative, OUTPUT, LABELS, "other"),
        (lambda o, y: o.std(), OUTPUT, LABELS, "other"),
        (lambda o, y: torch.tensor(float("nan")), OUTPUT, LABELS, "unknown"),
    ],
)
def test_the_structure_of_a_loss_is_found(loss, output, labels, word):
    assert reduction_of(loss, output, labels) == word


def test_class_weights_are_found_where_every_part_holds_the_same_classes():
    # As a network gives them before it has learned: the losses of all examples are nearly alike.
    output, labels = 0.05 * OUTPUT.float(), torch.arange(64) % 4
    assert reduction_of(nn.CrossEntropyLoss(weight=WEIGHT.float()), output, labels) == "weighted mean"
    assert reduction_of(cross_entropy, output, labels) == "mean"


def test_a_single_example_tells_nothing():
    assert reduction_of(cross_entropy, OUTPUT[:1], LABELS[:1]) == "unknown"
