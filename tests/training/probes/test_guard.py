"""Whatever a call writes is put back bit for bit."""

from collections import deque

import numpy as np
import torch
from torch import nn

from sdesim.training.probes.guard import Kept, untouched

SEEN = []
CALLS = 0


class Writing(nn.Module):
    """A network that writes wherever it can."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)
        self.calls, self.last, self.past = 0, None, deque(maxlen=4)
        self.table, self.generator = {"sum": torch.zeros(3)}, torch.Generator().manual_seed(0)
        self.array, self.names = np.zeros(2), {"a"}

    def forward(self, x):
        global CALLS
        CALLS += 1
        SEEN.append(len(x))
        self.calls += 1
        self.last = self.norm(self.layer(x))
        self.past.append(self.last)
        self.table["sum"] += self.last.detach().sum(0)
        self.table["new"] = 1
        self.array += torch.rand(2, generator=self.generator).numpy()
        self.names.add("b")
        self.newly = True
        return self.last


def state(net):
    return (
        net.calls, net.last, list(net.past), net.table["sum"].clone(), sorted(net.table), net.array.copy(),
        sorted(net.names), net.generator.get_state(), hasattr(net, "newly"), list(SEEN), CALLS,
        [b.clone() for b in net.buffers()],
    )  # fmt: skip


def test_attributes_containers_buffers_generators_closures_and_globals_come_back():
    net, held = Writing(), [0]
    total = 0.0

    def hook(module, args, output):
        nonlocal total
        total += float(output.detach().sum())
        held.append(tuple(output.shape))

    net.layer.register_forward_hook(hook)
    net(torch.ones(4, 3))
    before, beside, objects = state(net), (total, list(held)), (net.table["sum"], held, net.past)

    kept = Kept(net)
    net(torch.randn(5, 3))
    assert before[10] + 1 == CALLS
    assert kept.restore()

    after = state(net)
    for a, b in zip(before, after, strict=True):
        same = [torch.equal(p, q) for p, q in zip(a, b, strict=True)] if isinstance(a, list) and a and (
            torch.is_tensor(a[0])
        ) else [bool(np.all(np.asarray(a == b)))]  # fmt: skip
        assert all(same)
    assert (total, held) == beside
    assert all(a is b for a, b in zip(objects, (net.table["sum"], held, net.past), strict=True))
    assert not kept.restore()


def test_parameters_of_a_loss_and_their_gradients_come_back():
    loss = nn.Linear(2, 1)
    loss.weight.grad = torch.ones(1, 2)
    held, value = loss.weight.grad, loss.weight.detach().clone()

    with untouched(loss):
        loss(torch.ones(3, 2)).sum().backward()
        with torch.no_grad():
            loss.weight.add_(1.0)

    assert torch.equal(loss.weight, value)
    assert loss.weight.grad is held
    assert torch.equal(held, torch.ones(1, 2))
    assert loss.bias.grad is None


def test_what_libraries_hold_is_left_alone():
    optimizer = torch.optim.SGD(nn.Linear(2, 1).parameters(), lr=0.1)
    thing = type("Thing", (), {})()
    thing.optimizer = optimizer

    with untouched(thing):
        optimizer.param_groups[0]["lr"] = 0.5

    assert optimizer.param_groups[0]["lr"] == 0.5
