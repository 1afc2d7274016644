"""Accuracy means what the loss makes of outputs and labels, or nothing."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from sdesim.training import one_hot_mse
from sdesim.training.data.accuracy import accuracy_of

BCE, CE = functional.binary_cross_entropy_with_logits, functional.cross_entropy
LABELS = torch.tensor([0, 1, 2, 1])
LOGITS = torch.tensor([[3.0, 0, 0], [0, 3, 0], [0, 3, 0], [3, 0, 0]])
YES = torch.tensor([0, 1, 1, 0])


class Given(nn.Module):
    """A network whose outputs are its inputs."""

    def forward(self, x):
        return x


def found(output, y, loss):
    rule = accuracy_of(Given(), loss, output, y)
    return None if rule is None else (rule.sort, rule.share(output, y))


def ignoring(label):
    return lambda output, y: CE(output, y, ignore_index=label)


def tokens(output, y):
    return CE(output.flatten(0, 1), y.flatten())


# (4, 5, 3), of the classes 0, 1, 1, 0 at every place.
WORDS = LOGITS.repeat(2, 1, 1).transpose(0, 1)[:, [0, 1, 0, 1, 0]]
CASES = {
    "cross-entropy": (LOGITS, LABELS, CE, ("classes", 0.5)),
    "smoothed, weighted": (
        LOGITS, LABELS, nn.CrossEntropyLoss(torch.tensor([1.0, 2, 3]), label_smoothing=0.1), ("classes", 0.5),
    ),
    "summed": (LOGITS, LABELS, nn.CrossEntropyLoss(reduction="sum"), ("classes", 0.5)),
    "log-probabilities": (LOGITS.log_softmax(1), LABELS, functional.nll_loss, ("classes", 0.5)),
    "one-hot": (LOGITS, LABELS, one_hot_mse, ("classes", 0.5)),
    "margin": (LOGITS, LABELS, nn.MultiMarginLoss(), ("classes", 0.5)),
    "ignored": (LOGITS, torch.tensor([0, -100, 2, -100]), CE, ("classes", 0.5)),
    "another ignored": (LOGITS, LABELS, ignoring(2), ("classes", 2 / 3)),
    "one logit": (torch.tensor([[-1.0], [2], [-0.1], [0.2]]), YES,
                  lambda z, y: BCE(z[:, 0], y.to(z.dtype)), ("one logit", 0.5)),
    "one logit, float labels": (torch.tensor([-1.0, 2, -0.1, 0.2]), YES.float(), BCE, ("one logit", 0.5)),
    "one logit, weighted": (torch.tensor([-1.0, 2, -0.1, 0.2]), YES.float(),
                            nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0)), ("one logit", 0.5)),
    "probability": (torch.tensor([0.4, 0.6, 0.4, 0.6]), YES.float(), nn.BCELoss(), ("one logit", 0.5)),
    "labels": (torch.tensor([[1.0, -1, 2], [1, 1, -1]]), torch.tensor([[1.0, 0, 1], [0, 1, 1]]), BCE,
               ("labels", 4 / 6)),
    "places along axis 1": (WORDS.transpose(1, 2), torch.tensor([[0] * 5, [1] * 5, [1] * 5, [1] * 5]), CE,
                            ("tokens", 0.75)),
    "places along the last": (WORDS, torch.tensor([[0] * 5, [1] * 5, [1] * 5, [1, 0, 0, -100, -100]]),
                              tokens, ("tokens", 17 / 18)),
    "as many places as classes": (WORDS[:, :3], torch.tensor([[0] * 3, [1] * 3, [1] * 3, [1] * 3]), tokens,
                                  ("tokens", 0.75)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_accuracy_is_that_of_the_loss(case):
    output, y, loss, wanted = CASES[case]
    sort, share = found(output, y, loss)

    assert sort == wanted[0]
    assert share == pytest.approx(wanted[1])


def gaussian(output, y):
    """Mean and log variance of a number that is whole by chance."""
    return (output[:, 1] + (y - output[:, 0]) ** 2 * torch.exp(-output[:, 1])).mean() / 2


NONE = {
    "regression": (torch.randn(4, 2), torch.randn(4, 2), functional.mse_loss),
    "regression on whole numbers": (torch.randn(4), YES.float(), functional.mse_loss),
    "counts": (torch.randn(4), LABELS, functional.poisson_nll_loss),
    "soft labels": (torch.randn(4), torch.tensor([0.1, 0.9, 0.5, 0.0]), BCE),
    "mean and variance": (torch.randn(4, 2), YES, gaussian),
    "labels beyond the outputs": (torch.randn(4, 2), LABELS, one_hot_mse),
    "a loss that fails": (LOGITS, LABELS, lambda z, y: 1 / 0),
    "all ignored": (LOGITS, torch.full((4,), -100), CE),
    "another task of the same labels": (LOGITS, LABELS, lambda z, y: (z[:, 0] - y).square().mean()),
}


@pytest.mark.parametrize("case", NONE)
def test_where_accuracy_means_nothing_there_is_none(case):
    output, y, loss = NONE[case]

    assert found(output, y, loss) is None


def test_weights_count_examples_by_their_probability():
    rule = accuracy_of(Given(), CE, LOGITS, LABELS)
    with_ignored = torch.tensor([0, -100, 2, 1])
    other = accuracy_of(Given(), CE, LOGITS, with_ignored)
    q = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)

    assert rule.share(LOGITS, LABELS, q) == pytest.approx(0.3)
    assert other.share(LOGITS, with_ignored, q) == pytest.approx(0.1 / 0.8)
    assert other.words == "examples; without the labels -100"
