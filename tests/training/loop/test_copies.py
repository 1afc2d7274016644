"""`record` trains copies, that train as the module itself would; data, loss and module stay as they were."""

import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sdesim
from sdesim.errors import RunError
from sdesim.training import mlp, record
from sdesim.training.loop.copies import copied

X = torch.randn(96, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = (X[:, 0] > 0).long()


def network(*more):
    return nn.Sequential(*more, *mlp([6, 8, 2], seed=0))


def recorded(net, loss=cross_entropy, **options):
    base = {"steps": 6, "batch_size": 16, "save_every": 2, "save": ("theta",), "progress": False}
    base["probes"] = sdesim.Probes(every=3, samples=4)
    return record(net, loss, (X, Y), (X, Y), lambda p: torch.optim.SGD(p, lr=0.2), **(base | options))


class Twice(nn.Module):
    def __init__(self, inplace):
        super().__init__()
        self.inplace = inplace

    def forward(self, x):
        return x.mul_(2) if self.inplace else x * 2


@pytest.mark.parametrize("batch_size", [16, None])
def test_a_network_that_writes_into_its_inputs_trains_as_one_that_does_not(batch_size):
    before = X.clone()

    one, other = (recorded(network(Twice(inplace)), batch_size=batch_size) for inplace in (False, True))

    assert torch.equal(X, before)
    for name in ("theta", "loss", "test_loss", "lambda_max", "signal"):
        np.testing.assert_allclose(one[name].values, other[name].values, rtol=1e-9, atol=1e-12)


def test_a_loss_that_reads_the_module_given_is_refused():
    net = network()
    penalised = lambda o, y: cross_entropy(o, y) + sum(p.pow(2).sum() for p in net.parameters())  # noqa: E731
    constant = lambda o, y: cross_entropy(o, y) * (1 + float(net[0].weight.detach().norm()))  # noqa: E731

    for loss in (penalised, constant):
        with pytest.raises(RunError, match=r"reads the module that was given, .*weight_decay"):
            recorded(net, loss)


def test_a_module_that_cannot_be_copied_is_refused_in_one_line():
    net = network()
    net.lock = threading.Lock()

    with pytest.raises(RunError, match=r"can't be copied .*lock.*Monitor"):
        recorded(net)


def test_hooks_of_parameters_go_along_with_copies():
    net = network()
    net[0].weight.register_hook(torch.zeros_like)

    run = recorded(net)

    theta = run["theta"].values[0]
    assert (theta[:, :48] == theta[0, :48]).all()
    assert (theta[-1, 48:] != theta[0, 48:]).any()
    assert len(copied(net)[0].weight._backward_hooks) == 1


class Running(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))
        self.mean, self.calls = 1.0, 0

    def forward(self, output, y):
        value = cross_entropy(output, y)
        self.calls += 1
        self.mean = 0.9 * self.mean + 0.1 * float(value.detach())
        return self.scale * value / self.mean


def test_every_seed_begins_with_the_state_of_the_loss_that_was_given_and_leaves_it_so():
    loss = Running()
    probed = recorded(network(), loss, trajectories=2, sampling="sequential")
    bare = recorded(network(), loss, probes=None, sampling="sequential")

    assert (loss.mean, loss.calls, loss.scale.grad) == (1.0, 0, None)
    # Batches in turn: both seeds make the same steps, and probes are without effect on them.
    np.testing.assert_array_equal(probed["theta"].values[0], probed["theta"].values[1])
    np.testing.assert_array_equal(probed["theta"].values[0], bare["theta"].values[0])


def test_a_summed_loss_is_recorded_on_the_scale_of_its_batches():
    total = nn.CrossEntropyLoss(reduction="sum")
    rate = lambda lr: lambda p: torch.optim.SGD(p, lr=lr)  # noqa: E731

    mean = record(network(), cross_entropy, (X, Y), (X, Y), rate(0.2), steps=6, batch_size=16, save_every=2,
                  probes=sdesim.Probes(every=3, samples=8), progress=False)  # fmt: skip
    summed = record(network(), total, (X, Y), (X, Y), rate(0.2 / 16), steps=6, batch_size=16, save_every=2,
                    probes=sdesim.Probes(every=3, samples=8), progress=False)  # fmt: skip

    for name in ("loss", "test_loss", "lambda_max"):
        np.testing.assert_allclose(summed[name].values, 16 * mean[name].values, rtol=1e-6)
    one, other = sdesim.measure(mean), sdesim.measure(summed)
    for name in ("C_alpha", "S"):
        np.testing.assert_allclose(other[name].values, one[name].values, rtol=1e-6)
    # What is drawn of a trace lies beside directions that rounding turns a little.
    half = sum((m["C_star_high"].values - m["C_star_low"].values) / 2 for m in (one, other))
    assert (np.abs(other["C_star"].values - one["C_star"].values) < half).all()
    np.testing.assert_allclose(other["C_star"].values, one["C_star"].values, rtol=1e-3)
    assert not any("loss" in str(t) for t in other["S_flags"].values.ravel())


def test_training_loss_of_a_network_with_modes_is_the_objective_that_is_trained():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2)).double()

    run = recorded(net, batch_size=None, probes=sdesim.Probes(every=3, samples=4, batch_size=8))

    assert run["loss"].values[0, 0] == pytest.approx(
        float(cross_entropy(net.train()(X), Y).detach()), rel=1e-9
    )
    assert run.attrs["mode"] == "train"


class Sixteen(nn.Module):
    def forward(self, x):
        if len(x) != 16:
            raise ValueError("this network takes 16 examples")
        return x


def test_a_network_of_one_batch_size_is_recorded_in_such_batches():
    right, found = recorded(network(), batch_size=16), recorded(network(Sixteen()), batch_size=16)

    np.testing.assert_allclose(found["loss"].values, right["loss"].values, rtol=1e-9)
    assert "fixed_batch" in str(sdesim.measure(found)["lambda_max_flags"].values[0, 0])
