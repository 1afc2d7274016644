"""Losses as people write them, and whether each example has a loss of its own in them."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sdesim.training import watch
from sdesim.training.watching.loss_graph import loss_seen

N, CLASSES = 6, 3
Y = torch.tensor([0, 2, 1, 1, 0, 2])
TARGETS = F.one_hot(Y, CLASSES).float()
WEIGHTS = torch.tensor([1.0, 2.0, 3.0])
PLACES = torch.randint(CLASSES, (N, 4), generator=torch.Generator().manual_seed(0))


def classes(z):
    return z[:, 0]


# (loss of outputs (N, 4, 3), whether it is one of each example, whether they weigh the same)
LOSSES = {
    "classes": (lambda z: F.cross_entropy(classes(z), Y), True, True),
    "summed": (lambda z: F.cross_entropy(classes(z), Y, reduction="sum"), True, True),
    "a part of an accumulated step": (lambda z: F.cross_entropy(classes(z), Y) / 4, True, True),
    "averaged by hand": (lambda z: F.cross_entropy(classes(z), Y, reduction="none").mean(), True, True),
    "smoothed labels": (lambda z: F.cross_entropy(classes(z), Y, label_smoothing=0.1), True, True),
    "soft labels": (lambda z: F.cross_entropy(classes(z), TARGETS), True, True),
    "to a teacher": (
        lambda z: F.kl_div(classes(z).log_softmax(-1), TARGETS, reduction="batchmean"), True, True
    ),
    "squares": (lambda z: ((classes(z) - TARGETS) ** 2).mean(), True, True),
    "two of one output": (
        lambda z: F.mse_loss(classes(z), TARGETS) + 0.1 * F.cross_entropy(classes(z), Y), True, True
    ),
    "an entropy of each": (
        lambda z: F.cross_entropy(classes(z), Y)
        + (classes(z).softmax(-1) * classes(z).log_softmax(-1)).sum(1).mean(),
        True, True,
    ),
    "binary": (
        lambda z: F.binary_cross_entropy_with_logits(z[:, 0, 0], Y / 2, pos_weight=WEIGHTS[:1]), True, True
    ),
    "places, flattened": (lambda z: F.cross_entropy(z.flatten(0, 1), PLACES.flatten()), True, True),
    "places, in classes' axis": (lambda z: F.cross_entropy(z.transpose(1, 2), PLACES), True, True),
    "distances within an example": (lambda z: (z[:, 0] - z[:, 1]).norm(dim=1).mean(), True, True),
    "weights of classes": (lambda z: F.cross_entropy(classes(z), Y, weight=WEIGHTS), True, False),
    "over what a mask left": (
        lambda z: (F.cross_entropy(classes(z), Y, reduction="none") * (Y > 0)).sum() / (Y > 0).sum(),
        True, False,
    ),
    "root of a mean": (lambda z: F.mse_loss(classes(z), TARGETS).sqrt(), False, True),
    "each against all": (lambda z: F.cross_entropy(classes(z) @ z[:, 1].T, torch.arange(N)), False, True),
    "ranks": (lambda z: F.softplus(z[:, 0, :1] - z[:, 0, :1].T).mean(), False, True),
    "the worst ones": (
        lambda z: F.cross_entropy(classes(z), Y, reduction="none").topk(2).values.mean(), False, True
    ),
    "softmax over examples": (lambda z: (classes(z).softmax(0) * TARGETS).sum(), False, True),
    "an entropy of the mean": (
        lambda z: (classes(z).softmax(1).mean(0) * classes(z).softmax(1).mean(0).log()).sum(), False, True
    ),
    "a correlation": (lambda z: F.cosine_similarity(z[:, 0, 0], Y.float(), dim=0), False, True),
    "less the mean": (lambda z: ((classes(z) - classes(z).mean(0, keepdim=True)) ** 2).mean(), False, True),
    "labels of mixed examples": (
        lambda z: (F.cross_entropy(z := classes(z), Y) + 0.7 * F.cross_entropy(z, Y.flip(0))), False, True
    ),
    "some of the examples": (lambda z: F.cross_entropy(classes(z)[Y > 0], Y[Y > 0]), False, True),
}  # fmt: skip


@pytest.mark.parametrize("case", LOSSES)
def test_it_says_whether_examples_have_losses_of_their_own(case):
    loss, apart, even = LOSSES[case]
    net = nn.Linear(5, CLASSES)
    output = net(torch.randn(N, 4, 5, generator=torch.Generator().manual_seed(1)))
    found = []
    net.weight.register_hook(
        lambda _: found.append(loss_seen(N, 0, (), lambda x: x is net.weight or x is net.bias))
    )
    loss(output).backward()

    assert found[0].apart is apart
    if apart:
        assert found[0].even is even


def test_losses_of_two_kinds_have_two_forms():
    found = []
    for loss in (F.mse_loss, F.mse_loss, F.smooth_l1_loss):
        output = torch.randn(N, CLASSES, requires_grad=True) * 2
        output.register_hook(
            lambda _, node=output.grad_fn: found.append(loss_seen(N, 0, (node,), lambda x: False))
        )
        loss(output, TARGETS).backward()

    assert found[0] == found[1]
    assert found[0].form != found[2].form


def test_without_a_backward_pass_nothing_is_known():
    assert not loss_seen(N, 0, (), lambda x: True).apart


class Scaled(nn.Module):
    """Its first input has no examples."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(5, CLASSES)

    def forward(self, scales, x):
        return self.net(x if torch.is_tensor(x) else torch.stack(x)) * scales.mean()


def reads(step, model=None, take=lambda optimizer: optimizer.step()):
    """What is read of three steps, and the watch."""
    torch.manual_seed(2)
    model = model or nn.Linear(5, CLASSES)
    optimizer, found = torch.optim.SGD(model.parameters(), lr=0.01), []
    monitor = watch(model, optimizer, budget=None)
    add = monitor._readings.add
    monitor._readings.add = lambda made, after: (found.append(made.read), add(made, after))[1]
    for _ in range(4):
        optimizer.zero_grad()
        step(model)
        take(optimizer)
    return found, monitor


@pytest.mark.parametrize("penalized", [False, True])
def test_what_is_read_of_examples_that_depend_on_one_another_is_flagged(penalized):
    def step(model):
        loss = F.mse_loss(model(torch.randn(N, 5)), TARGETS)
        (loss.sqrt() if penalized else loss).backward()

    found, _ = reads(step)
    assert len(found) >= 2
    assert all(read.flags == (("losses_assumed",) if penalized else ()) for read in found)


@pytest.mark.parametrize(("again", "line"), [(False, "different losses"), (True, "the same examples")])
@pytest.mark.filterwarnings("ignore:watch")
def test_passes_that_are_no_parts_of_one_mean_are_refused(again, line):
    def step(model):
        x = torch.randn(N, 5)
        F.cross_entropy(model(x), Y).backward()
        other = x.clone() if again else torch.randn(N, 5)
        (F.cross_entropy(model(other), Y) if again else model(other).square().mean()).backward()

    found, monitor = reads(step)
    assert not found
    assert line in monitor.reasons["step"]


@pytest.mark.parametrize(
    ("told", "weights", "flag"),
    [
        (lambda loss, n: loss / 2, (1 / 2, 1 / 2), "batches_unequal"),
        (lambda loss, n: loss, (1 / 2, 1 / 2), "batches_unequal"),
        (lambda loss, n: loss * n / 6, (1 / 3, 2 / 3), "weights_by_examples"),
    ],
)
def test_micro_batches_whose_losses_are_means_weigh_the_same(told, weights, flag):
    def step(model):
        for size in (2, 4):
            told(F.cross_entropy(model(torch.randn(size, 5)), Y[:size]), size).backward()

    found, _ = reads(step)
    assert found[-1].overlap == pytest.approx(sum(w * w for w in weights))
    assert found[-1].flags == (flag,)


def test_a_scaler_s_multiplier_is_none_of_a_batch_s_own():
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)

    def step(model):
        for size in (2, 4):
            scaler.scale(F.cross_entropy(model(torch.randn(size, 5)), Y[:size]) / 2).backward()

    found, _ = reads(step, take=lambda optimizer: (scaler.step(optimizer), scaler.update()))
    assert found[-1].overlap == pytest.approx(1 / 2)
    assert found[-1].flags == ("batches_unequal",)


@pytest.mark.parametrize(("stacked", "batch", "overlap"), [(True, 10, 0.52), (False, None, 0.5)])
def test_examples_are_those_that_the_outputs_are_of(stacked, batch, overlap):
    # Parts of 4 and 6: Σ w² = 0.4² + 0.6². Of a list of examples none of the lengths is their number.
    def step(model):
        for size in (4, 6):
            x = torch.randn(size, 5)
            given = x if stacked else list(x)
            (F.cross_entropy(model(torch.ones(7), given), Y[:size]) * size / 10).backward()

    found, _ = reads(step, Scaled())
    assert {(read.batch, round(read.overlap, 9)) for read in found[1:]} == {(batch, overlap)}
    assert found[-1].flags == (("weights_by_examples",) if stacked else ("weights_assumed",))
