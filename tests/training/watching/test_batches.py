"""Batches of a shop: drawn so that training can't notice, or its own last one."""

import numpy as np
import pytest
import torch
from torch import nn

from sdesim.errors import RunError
from sdesim.training.data.batches import Objective, batch_loss
from sdesim.training.watching.batches import Drawn, LastBatch, loss_in, own_loss


class Returning(nn.Module):
    """A network that takes its batch by names and returns its loss."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 1)

    def forward(self, inputs, labels=None, mask=None, **more):
        difference = (self.layer(inputs)[:, 0] - labels).square()
        total = difference.sum() if "num_items_in_batch" in more else difference.mean()
        return {"loss": total / more.get("num_items_in_batch", 1), "logits": inputs}


class Noisy(torch.utils.data.Dataset):
    """Examples that draw from a generator of their own and from the global one."""

    def __init__(self):
        self.generator = np.random.default_rng(0)

    def __len__(self):
        return 32

    def __getitem__(self, index):
        return torch.rand(3) + float(self.generator.random()), torch.tensor(float(index))


def test_drawn_batches_leave_every_generator_alone():
    data = Noisy()
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=True)
    source = Drawn(loader, "loader", nn.MSELoss(), torch.zeros(1, dtype=torch.float64))
    torch.manual_seed(5)
    before, own = torch.get_rng_state(), data.generator.bit_generator.state
    with source.aside(1):
        first = source.draw(2, 4, np.random.default_rng(0))
    with source.aside(1):
        again = source.draw(2, 4, np.random.default_rng(0))

    assert torch.equal(torch.get_rng_state(), before)
    assert data.generator.bit_generator.state == own
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert first[0][0].dtype == torch.float64
    assert (source.size, source.total, source.sampling, source.flags) == (4, 32, "epoch", ())


def test_a_batch_size_that_nobody_tells_is_flagged():
    source = Drawn((torch.zeros(10, 2), torch.zeros(10)), "loader", nn.MSELoss(), torch.zeros(1))
    assert (source.size, source.flags) == (10, ("batch_assumed",))


def test_the_last_batch_is_noted_by_reference_and_cut_in_parts():
    model, x, y = Returning(), torch.randn(6, 3), torch.randn(6)
    source = LastBatch(model)
    assert not source.open
    output = model(x, labels=y)
    # A loss that is returned and that nobody trains is none.
    assert not source.open
    (2 * output["loss"]).backward()
    assert source.open
    assert not model._forward_hooks

    source.attach()
    # As a trainer calls it: a count of items of all micro-batches is left out of a part's own loss.
    model(x, labels=y, num_items_in_batch=12)
    with torch.no_grad():
        model(x[:2], labels=y[:2])
    source.take()
    assert not model._forward_pre_hooks
    assert source.size == 6
    parts = source.draw(3, 2, np.random.default_rng(0))
    assert sorted(torch.cat([p["labels"] for p, _ in parts]).tolist()) == sorted(y.tolist())
    with torch.no_grad():
        losses = [float(batch_loss(model, source.loss_fn, *part)) for part in parts]
        whole = float(own_loss(model, {"inputs": x, "labels": y}))
    assert sum(losses) / 3 == pytest.approx(whole)
    with pytest.raises(RunError, match="6 examples has no 7 parts"):
        source.draw(7, 1, np.random.default_rng(0))
    source.drop()
    source.detach()


def test_a_network_without_a_loss_offers_nothing():
    model = nn.Linear(3, 1)
    source = LastBatch(model)
    model(torch.zeros(4, 3))

    assert not source.open
    with pytest.raises(RunError, match="returns no loss"):
        own_loss(model, torch.zeros(4, 3))
    with pytest.raises(RunError, match="was not called"):
        source.take()


def test_where_a_loss_is_looked_for():
    one = torch.tensor(2.0)

    class Output:
        loss = one

    assert loss_in(Output()) is one
    assert loss_in({"loss": one}) is one
    assert loss_in(one) is one
    assert loss_in(torch.zeros(3)) is None
    assert loss_in({"logits": one}) is None
    assert Objective(own_loss).of_batch(lambda given: {"loss": given}, one) is one
