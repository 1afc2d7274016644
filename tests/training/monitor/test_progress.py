"""A monitor measures progress over the steps that happened, and sees gradients that are cut down."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from sdesim.training import Monitor, advise, mlp
from sdesim.training.monitor.progress import PAIRS, clipping

GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(512, 8, generator=GENERATOR)
Y = (X[:, 0] + 0.5 * X[:, 1] > 0).long()
LOSS = nn.CrossEntropyLoss()


def train(monitor, net, optimizer, steps, clip=None, seed=1):
    rng = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(X), (16,), generator=rng)
        optimizer.zero_grad()
        LOSS(net(X[rows]), Y[rows]).backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimizer.step()
        monitor.step()


def made(optimizer, **options):
    net = mlp([8, 16, 2], seed=0, dtype=torch.float32)
    moved = optimizer(net.parameters())
    options = {"batch_size": 16, "every": 20, "announce": None, "samples": 16} | options
    return net, moved, Monitor(net, LOSS, (X, Y), optimizer=moved, **options)


@pytest.mark.parametrize(
    "optimizer", [lambda p: torch.optim.SGD(p, lr=0.1), lambda p: torch.optim.Adam(p, lr=0.01)]
)
def test_progress_is_the_mean_change_of_the_loss_over_the_window(optimizer):
    net, moved, monitor = made(optimizer, window=20, validation=(X[:200], Y[:200]))
    losses = {}
    rng = torch.Generator().manual_seed(1)
    for k in range(1, 42):
        rows = torch.randint(len(X), (16,), generator=rng)
        moved.zero_grad()
        LOSS(net(X[rows]), Y[rows]).backward()
        moved.step()
        monitor.step()
        losses[k] = float(LOSS(net(X), Y).detach())

    assert monitor.history[0].progress is None
    for k in (1, 2):
        m = monitor.history[k]
        change = (losses[m.step] - losses[m.step - 20]) / 20
        # 16 pairs: five standard errors are 2.35 half-widths of 95%.
        assert abs(m.progress.value - change) < 2.35 * (m.progress.high - m.progress.value)
        assert m.progress.method == "steps"
        assert np.isfinite(m.progress_heldout.value)


def test_a_window_is_as_long_as_it_is_asked_to_be_and_leaves_the_training_alone():
    weights = []
    for window in (0, 5, 50):
        net, moved, monitor = made(lambda p: torch.optim.SGD(p, lr=0.1), window=window)
        train(monitor, net, moved, 41)
        weights.append([p.detach().clone() for p in net.parameters()])
        assert (monitor.history[-1].progress is None) is (window == 0)

    for other in weights[1:]:
        assert all(torch.equal(a, b) for a, b in zip(weights[0], other, strict=True))
    assert PAIRS == 16


def test_gradients_that_are_cut_are_seen_and_the_training_is_not_called_failing():
    net, moved, monitor = made(lambda p: torch.optim.SGD(p, lr=20.0), curvature_every=1)
    train(monitor, net, moved, 41, clip=0.001)

    m = monitor.history[-1]
    assert "clipped_gradients" in m.flags
    assert m.phase_method == "steps"
    assert m.phase == "generalization"
    found = advise(m)
    assert found.state == "learning"
    assert found.learning_rate is None


def test_without_clipping_none_is_seen():
    net, moved, monitor = made(lambda p: torch.optim.SGD(p, lr=0.1), every=5)
    train(monitor, net, moved, 60)

    assert not any("clipped_gradients" in m.flags for m in monitor.history)
    assert clipping(net, [1.0, 4.0], 1.5) == "active"
    assert clipping(net, [1.0, 4.0], 2.5) == "inactive"
    moved.zero_grad()
    assert clipping(net, [1.0, 4.0], None) == "unknown"


def test_the_drift_of_adam_is_its_own():
    """On an MLP with Adam the formula of plain SGD has neither the sign nor the size of what steps do."""
    net, moved, monitor = made(
        lambda p: torch.optim.Adam(p, lr=0.05), every=30, samples=256, curvature_every=1, window=0,
        exact=False,
    )  # fmt: skip
    train(monitor, net, moved, 31)
    drift = monitor.history[-1].lyapunov_drift
    changes, state = [], moved.state_dict()

    rng = torch.Generator().manual_seed(9)
    with torch.no_grad():
        before = float(LOSS(net(X), Y))
    for _ in range(400):
        twin = copy.deepcopy(net)
        again = torch.optim.Adam(twin.parameters(), lr=0.05)
        again.load_state_dict(copy.deepcopy(state))
        rows = torch.randint(len(X), (16,), generator=rng)
        again.zero_grad()
        cross_entropy(twin(X[rows]), Y[rows]).backward()
        again.step()
        with torch.no_grad():
            changes.append((float(LOSS(twin(X), Y)) - before) / 0.05)
    truth, error = np.mean(changes), np.std(changes) / np.sqrt(400)

    # Second order in the step, and P moves by 3% of one square: a tenth of the terms beside the errors.
    width = np.hypot(2.5 * (drift.high - drift.value), 5 * error)
    assert abs(drift.value - truth) < width + 0.1 * abs(truth)
    assert drift.method == "step"
