"""Minibatch gradients of any network: the same whichever way they are made, and the way is told."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import sdesim
from sdesim import data
from sdesim.networks.fully_connected import flat_parameters
from sdesim.runs.attributes import mapped
from sdesim.training import TorchOracle, mlp, record
from sdesim.training.probes import network_oracle

DIGITS = data.digits(60, 0, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()


class Tied(nn.Module):
    """An encoder whose transposed weights decode."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 64, bias=False)
        self.second = nn.Linear(64, 64, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


class Branching(nn.Module):
    """A network whose way depends on values."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(64, 10)

    def forward(self, x):
        z = self.first(x)
        return torch.tanh(z) if z.mean() > 0 else torch.sin(z)


class Words(nn.Module):
    """Pixels as words: embedding, layer norm, attention, mean."""

    def __init__(self):
        super().__init__()
        self.words, self.norm = nn.Embedding(17, 6), nn.LayerNorm(6)
        self.attention, self.out = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, 10)

    def forward(self, x):
        z = self.norm(self.words((16 * x[:, ::8]).round().long().clamp(0, 16)))
        return self.out(self.attention(z, z, z, need_weights=False)[0].mean(dim=1))


def convolutional(norm):
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 3, 3), norm, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(27, 10),
    )  # fmt: skip


NETWORKS = {
    "plain layers": (lambda: mlp([64, 8, 10], seed=0), "outer products"),
    "convolution, group norm": (lambda: convolutional(nn.GroupNorm(1, 3)), "vmap"),
    "convolution, batch norm": (lambda: convolutional(nn.BatchNorm2d(3)), "minibatches"),
    "batch norm in evaluation": (lambda: convolutional(nn.BatchNorm2d(3)).eval(), "vmap"),
    "embedding, layer norm, attention": (Words, "vmap"),
    "branches": (Branching, "minibatches"),
}


def made(name):
    torch.manual_seed(0)
    return NETWORKS[name][0]().double()


def by_hand(model, rows, loss=cross_entropy, y=Y):
    """Autograd, one minibatch at a time, on the module itself."""
    found = []
    for chosen in rows:
        model.zero_grad()
        loss(model(X[chosen]), y[chosen]).backward()
        found.append(np.concatenate([p.grad.numpy().ravel() for p in model.parameters()]))
    return np.array(found)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("batch", [2, 7])
def test_minibatch_gradients_are_those_of_autograd(name, batch):
    model = made(name)
    rows = torch.from_numpy(np.random.default_rng(0).integers(0, 60, (9, batch)))
    found = TorchOracle(model, cross_entropy, X, Y, batch)

    gradients = found.gradients_of(flat_parameters(model), rows, np.random.default_rng(1))

    # Rounding of sums in another order.
    np.testing.assert_allclose(gradients, by_hand(model, rows), rtol=1e-9, atol=1e-12)
    assert found.path == NETWORKS[name][1]


def test_chunks_change_nothing(monkeypatch):
    model = made("embedding, layer norm, attention")
    theta = flat_parameters(model)
    whole = TorchOracle(model, cross_entropy, X, Y, 3).gradients(theta, 11, np.random.default_rng(0))
    monkeypatch.setattr(network_oracle, "_ROOM", 8_000)
    small = TorchOracle(model, cross_entropy, X, Y, 3)

    parts = small.gradients(theta, 11, np.random.default_rng(0))

    assert 1 <= small._chunk < 11
    np.testing.assert_allclose(parts, whole, rtol=1e-9, atol=1e-12)


def test_tied_weights_have_one_gradient():
    torch.manual_seed(0)
    model = Tied().double()
    rows = torch.tensor([[0, 1], [5, 9]])
    found = TorchOracle(model, mse_loss, X, X, 2)

    gradients = found.gradients_of(flat_parameters(model), rows, np.random.default_rng(0))

    np.testing.assert_allclose(gradients, by_hand(model, rows, mse_loss, X), rtol=1e-9, atol=1e-12)
    assert gradients.shape == (2, 64 * 64)


def test_every_minibatch_drops_other_units():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 40), nn.Dropout(0.5), nn.Linear(40, 10)).double()
    found = TorchOracle(model, cross_entropy, X, Y, 2)
    rows = torch.tensor([[0, 1]] * 4)

    gradients = found.gradients_of(flat_parameters(model), rows, np.random.default_rng(0))

    assert found.path == "vmap"
    # Four draws of 40 units agree with probability below 2^-79 each.
    assert len({row.tobytes() for row in gradients}) == 4
    again = TorchOracle(model, cross_entropy, X, Y, 2)
    repeated = again.gradients_of(flat_parameters(model), rows, np.random.default_rng(0))
    assert repeated.tobytes() == gradients.tobytes()


@pytest.mark.parametrize("name", ["plain layers", "embedding, layer norm, attention", "branches"])
def test_a_run_tells_how_its_gradients_were_made(name):
    run = record(
        made(name), cross_entropy, (X, Y), None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2, batch_size=5,
        probes=sdesim.Probes(every=1, samples=4), progress=False,
    )  # fmt: skip

    assert run.attrs["gradient_path"] == NETWORKS[name][1]


def test_a_layer_that_cannot_take_single_examples_is_named_and_the_training_goes_on():
    model = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 10)).double()
    said = r"no gradient of a batch of 1: Expected more than 1 value .*batch_size"

    with pytest.warns(UserWarning, match=said):
        run = record(
            model, cross_entropy, (X, Y), None, lambda p: torch.optim.SGD(p, lr=0.1), steps=2,
            probes=sdesim.Probes(every=1, samples=4), progress=False,
        )  # fmt: skip

    measured = sdesim.measure(run)
    assert np.isfinite(run["loss"].values).all()
    assert np.isnan(measured["C_alpha"].values).all()
    assert all("gradient_failed" in str(t) for t in measured["C_alpha_flags"].values.ravel())
    assert "batch of 1" in mapped(run.attrs, "failures")["gradient"]


def test_parts_frozen_in_evaluation_mode_stay_so():
    model = convolutional(nn.BatchNorm2d(3)).double()
    model[2].eval()

    run = record(
        model, cross_entropy, (X, Y), None, lambda p: torch.optim.SGD(p, lr=0.1), steps=3, batch_size=5,
        probes=sdesim.Probes(every=1, samples=4), progress=False,
    )  # fmt: skip

    # Running averages that moved would change the batch-normalised layer, and forbid vmap.
    assert run.attrs["gradient_path"] == "vmap"
