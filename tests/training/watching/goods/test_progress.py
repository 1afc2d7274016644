"""Measured progress on bowls, where all batches say the same, and its average over windows."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.training.watching.batches import LastBatch
from sdesim.training.watching.goods.base import Visit
from sdesim.training.watching.goods.progress import Progress, freedom, pooled
from tests.training.watching.goods.bowls import bowl, loss, step, visit


def test_it_is_the_change_of_the_loss_per_step_exactly_where_batches_agree():
    net, x, y, _ = bowl(dtype=torch.float64)
    optimizer, progress = torch.optim.SGD(net.parameters(), lr=0.01), Progress()
    other = y + 1.0

    def losses():
        with torch.no_grad():
            return float(loss(net(x), y)), float(loss(net(x), other))

    values = [losses()]
    assert progress.buy(visit(net, optimizer, (x, y), (x, other))).estimates == {}
    for at in (20, 40):
        assert not progress.ready(at - 10)
        assert progress.ready(at)
        for _ in range(20):
            step(net, optimizer, x, y)
        values.append(losses())
        sold = progress.buy(visit(net, optimizer, (x, y), (x, other), at=at))

    for k, name in enumerate(("progress", "progress_heldout")):
        # Over both windows: all 40 steps.
        change = (values[-1][k] - values[0][k]) / 40
        assert sold.estimates[name].value == pytest.approx(change, rel=1e-9)
        assert sold.estimates[name].high - sold.estimates[name].low < 1e-9
        assert sold.estimates[name].has("unresolved") is False
    assert sold.facts["loss"] == pytest.approx(values[-1][0])
    assert sold.facts["validation_loss"] == pytest.approx(values[-1][1])


class Answering(nn.Module):
    """A network that returns its loss."""

    def __init__(self, net, rate=0.0):
        super().__init__()
        self.net, self.drop = net, nn.Dropout(rate)

    def forward(self, x, labels=None, scale=1.0):
        return {"loss": scale * loss(self.net(self.drop(x)), labels), "other": None}


def test_of_the_batch_of_the_step_both_losses_are_read_at_the_end_of_the_window():
    net, x, y, _ = bowl(dtype=torch.float64, noise=1.0)
    model = Answering(net)
    optimizer, progress = torch.optim.SGD(net.parameters(), lr=0.01), Progress()
    source = LastBatch(model)
    begun = net.weight.detach().clone()

    def at(number, rows):
        source.attach()
        model(x[rows], labels=y[rows])["loss"].backward()
        source.take()
        return Visit(
            model=model, optimizer=optimizer, step=number, rng=np.random.default_rng(number), train=source,
            heldout=None,
        )  # fmt: skip

    assert progress.buy(at(0, slice(0, 8))) is None
    for _ in range(64):
        step(net, optimizer, x, y)
    assert not progress.ready(63)
    now = net.weight.detach().clone()
    sold = progress.buy(at(64, slice(8, 24)))

    assert torch.equal(net.weight, now)
    after = float(loss(x[8:24] @ now.T, y[8:24]))
    before = float(loss(x[8:24] @ begun.T, y[8:24]))
    assert sold.estimates["progress"].value == pytest.approx((after - before) / 64, rel=1e-9)
    assert sold.estimates["progress"].method == "unseen-batch"


def test_random_layers_draw_the_same_at_both_ends():
    net, x, y, _ = bowl(dtype=torch.float64)

    class Dropping(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.drop = net, nn.Dropout(0.5)

        def forward(self, given):
            return self.net(self.drop(given))

    model, progress = Dropping(), Progress()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    progress.buy(visit(model, optimizer, (x, y)))
    sold = progress.buy(visit(model, optimizer, (x, y), at=20))

    # Nothing was moved: with other masks the losses would differ.
    assert sold.estimates["progress"].value == 0.0
    assert sold.estimates["progress"].has("unresolved")


def test_windows_are_averaged_by_their_steps():
    rows = np.array([[10, -2.0, 0.3, 3], [30, -2.0, 0.4, 3]])
    free = freedom(rows)
    found = pooled(rows, free, "steps")

    assert found.value == pytest.approx(-0.1)
    assert found.details["error"] == pytest.approx(0.5 / 40)
    # (0.09 + 0.16)²/((0.0081 + 0.0256)/3) = 5.56.
    assert free == 5
    assert found.high - found.value == pytest.approx(2.5706 * 0.5 / 40, rel=1e-4)
    assert math.isnan(pooled(rows[:0], 1, "steps").value)


def test_a_loss_that_is_not_finite_is_left_out_of_the_windows_that_follow():
    net, x, y, _ = bowl(dtype=torch.float64)
    optimizer, progress = torch.optim.SGD(net.parameters(), lr=0.1), Progress()
    weight = net.weight.detach().clone()
    progress.buy(visit(net, optimizer, (x, y)))
    net.weight.data.fill_(math.inf)
    lost = progress.buy(visit(net, optimizer, (x, y), at=20))
    net.weight.data.copy_(weight)
    progress.buy(visit(net, optimizer, (x, y), at=40))
    found = progress.buy(visit(net, optimizer, (x, y), at=60))

    assert "progress" not in lost.estimates or lost.estimates["progress"].has("nonfinite")
    assert found.estimates["progress"].value == 0.0


def test_its_windows_go_on_from_a_state():
    net, x, y, _ = bowl(dtype=torch.float64)
    optimizer, first, later = torch.optim.SGD(net.parameters(), lr=0.1), Progress(), Progress()
    first.buy(visit(net, optimizer, (x, y)))
    step(net, optimizer, x, y)
    first.buy(visit(net, optimizer, (x, y), at=20))
    later.restore(first.state())
    for progress in (first, later):
        progress.forget()
        progress.buy(visit(net, optimizer, (x, y), at=40))
    found = [p.buy(visit(net, optimizer, (x, y), at=60)).estimates["progress"] for p in (first, later)]

    assert found[0] == found[1]
    assert found[0].value < 0
