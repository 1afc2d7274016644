"""A network's losses and gradients at many weight vectors, against the same one point at a time."""

from importlib import import_module

import numpy as np
import pytest

from sdesim.errors import SdesimError

torch = pytest.importorskip("torch")
nn = torch.nn
batched = import_module("sdesim.surfaces.torch.batched")
functions = import_module("sdesim.surfaces.torch.functions")


class Attention(nn.Module):
    """One layer of attention over embedded tokens, by torch's fused product."""

    def __init__(self):
        super().__init__()
        self.embedding, self.qkv, self.head = nn.Embedding(7, 6), nn.Linear(6, 18), nn.Linear(6, 7)

    def forward(self, x):
        q, k, v = self.qkv(self.embedding(x)).chunk(3, -1)
        return self.head(nn.functional.scaled_dot_product_attention(q, k, v)[:, -1])


class Recurrent(nn.Module):
    """A recurrent network, which torch can't take side by side."""

    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


def capped(output, y):
    """A loss with control flow on values."""
    off = (output - y).square().mean()
    return off if off < 1e6 else off * 0 + 1e6


class OfWeights:
    """A loss that adds a penalty of the weights."""

    def __call__(self, output, y):
        return nn.functional.mse_loss(output, y)

    def of_weights(self, parameters):
        return 0.1 * sum(p.square().sum() for p in parameters.values())


def _images():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 3)
    )


def _norm():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))


X, Y = (torch.randn(13, k, generator=torch.Generator().manual_seed(k)) for k in (3, 2))
TIMES = X[:, None] * torch.arange(1, 6)[None, :, None]
LABELS = torch.arange(13) % 3
# module, x, y, loss, whether weight vectors go side by side
CASES = {
    "conv": (_images, X.repeat(1, 6)[:, :16].reshape(13, 1, 4, 4), LABELS, nn.CrossEntropyLoss(), True),
    "attention": (Attention, torch.arange(52).reshape(13, 4) % 7, LABELS, nn.CrossEntropyLoss(), True),
    "evaluated norm": (lambda: _norm().eval(), X, Y, nn.MSELoss(), True),
    "recurrent": (Recurrent, TIMES, Y, nn.MSELoss(), False),
    "control flow": (lambda: nn.Linear(3, 2), X, Y, capped, False),
    "penalty": (lambda: nn.Linear(3, 2), X, Y, OfWeights(), True),
}


def _case(name):
    make, x, y, loss, stacks = CASES[name]
    torch.manual_seed(0)
    module = make()
    start = torch.from_numpy(functions.flat_parameters(module))
    theta = start + 0.1 * torch.randn(11, len(start), generator=torch.Generator().manual_seed(1)).double()
    return module, loss, x, y, theta, stacks


@pytest.mark.parametrize("name", CASES)
def test_rows_are_the_losses_and_gradients_of_single_points(name):
    module, loss, x, y, theta, stacks = _case(name)
    network = functions.Network(module, loss, x, y)
    found = batched.BatchedLoss(module, loss, x, y)
    generator = torch.Generator().manual_seed(2)
    weights = torch.randn(11, 2, 13, generator=generator).double()
    rows = torch.randint(0, 13, (11, 4), generator=generator)

    assert found.is_mean
    assert found.width == (8 if stacks else 1)
    losses, gradients, both = found.losses(theta), found.gradients(theta), found.weighted(theta, weights)
    picked = found.picked(theta, rows)
    # Sums of some hundred products of size 1, in two orders.
    close = {"rtol": 1e-9, "atol": 1e-12}
    for k in (0, 7, 10):
        point = theta[k].numpy()
        assert float(losses[k]) == pytest.approx(network.loss(point), rel=1e-12)
        np.testing.assert_allclose(gradients[k], network.grad(point), **close)
        for c in range(2):
            own = network.weighted_gradient(point, weights[k, c].numpy())
            np.testing.assert_allclose(both[k, c], own, **close)
        each = network.example_gradients(point, rows[k].numpy())
        np.testing.assert_allclose(picked[k], each.mean(0), **close)
        np.testing.assert_allclose(found.example_gradients(theta[k], rows[k]), each, **close)
    every = network.example_gradients(theta[1].numpy(), np.arange(13))
    np.testing.assert_allclose(found.variances(theta[1:2])[0], every.var(axis=0), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", CASES)
def test_bits_depend_on_neither_chunks_nor_threads(name):
    module, loss, x, y, theta, _ = _case(name)
    one, two = (batched.BatchedLoss(module, loss, x, y, threads=k) for k in (1, 2))
    generator = torch.Generator().manual_seed(2)
    weights = torch.randn(11, 13, generator=generator).double()
    rows = torch.randint(0, 13, (11, 4), generator=generator)

    asked = [(one.losses,), (one.gradients,), (one.weighted, weights), (one.picked, rows)]
    other = [two.losses, two.gradients, two.weighted, two.picked]
    for (function, *rest), of_two in zip(asked, other, strict=True):
        whole = function(theta, *rest)
        parts = [function(theta[at], *(r[at] for r in rest)) for at in (slice(0, 8), slice(8, None))]
        assert torch.equal(torch.cat(parts), whole)
        assert torch.equal(of_two(theta, *rest), whole)
        # What other rows hold is of no account, be it no number.
        spoilt = theta.clone()
        spoilt[1:] = torch.nan
        assert torch.equal(function(spoilt, *rest)[0], whole[0])


def test_examples_in_pieces_give_the_same_sums(monkeypatch):
    module, loss, x, y, theta, _ = _case("conv")
    whole = batched.BatchedLoss(module, loss, x, y)
    monkeypatch.setattr(batched, "_ROOM", 300)
    parts = batched.BatchedLoss(module, loss, x, y)

    weights = torch.randn(11, 13, generator=torch.Generator().manual_seed(2)).double()
    assert len(parts._tiles) > 1
    torch.testing.assert_close(parts.losses(theta), whole.losses(theta), rtol=1e-12, atol=0)
    torch.testing.assert_close(parts.gradients(theta), whole.gradients(theta), rtol=1e-10, atol=1e-13)
    torch.testing.assert_close(
        parts.weighted(theta, weights), whole.weighted(theta, weights), rtol=1e-9, atol=1e-12
    )
    torch.testing.assert_close(parts.variances(theta[:2]), whole.variances(theta[:2]), rtol=1e-10, atol=1e-14)


def test_a_loss_that_couples_its_examples_has_gradients_of_minibatches_alone():
    module = _norm()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = batched.BatchedLoss(module, nn.MSELoss(), X, Y)
    theta = torch.from_numpy(functions.flat_parameters(module))[None]
    network = functions.Network(module, nn.MSELoss(), X[:4], Y[:4])

    assert not found.is_mean
    np.testing.assert_allclose(
        found.picked(theta, torch.arange(4)[None])[0], network.grad(theta[0].numpy()), rtol=1e-9, atol=1e-12
    )
    with pytest.raises(SdesimError, match="not the mean of the losses of the examples alone"):
        found.weighted(theta, torch.ones(1, 13))
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_examples_that_meet_are_found_behind_weights_of_zero():
    class Meeting(nn.Linear):
        def forward(self, x):
            return super().forward(x - x.mean(0))

    module = nn.Sequential(nn.Linear(3, 4), Meeting(4, 2))
    nn.init.zeros_(module[1].weight)

    assert not batched.BatchedLoss(module, nn.MSELoss(), X, Y).is_mean


def test_masked_coordinates_are_zero_and_have_no_gradient():
    module, loss, x, y, theta, _ = _case("conv")
    mask = torch.arange(theta.shape[1]) % 3 != 0
    whole, part = (batched.BatchedLoss(module, loss, x, y, mask=m) for m in (None, mask.numpy()))

    assert part.dim == int(mask.sum())
    kept = theta[:, mask]
    assert torch.equal(part.losses(kept), whole.losses(theta * mask))
    assert torch.equal(part.gradients(kept), whole.gradients(theta * mask)[:, mask])


def test_single_precision_agrees_to_its_digits():
    module, loss, x, y, theta, _ = _case("attention")
    double, single = (
        batched.BatchedLoss(module, loss, x, y, dtype=d) for d in (torch.float64, torch.float32)
    )
    rows = torch.arange(44).reshape(11, 4) % 13

    assert single.picked(theta, rows).dtype == torch.float32
    torch.testing.assert_close(
        single.picked(theta, rows).double(), double.picked(theta, rows), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"module": nn.Tanh()}, "no parameters to train"),
        ({"y": Y[:5]}, "equally long and not empty"),
        ({"loss_fn": nn.MSELoss(reduction="none")}, "one number for all examples"),
        ({"module": nn.Sequential(nn.Linear(3, 2), nn.Dropout())}, "weights alone"),
        ({"dtype": torch.float16}, "dtype must be"),
        ({"mask": [True]}, r"mask must be \(8,\)"),
    ],
)
def test_what_is_no_loss_of_weights_is_refused(change, said):
    settings = {"module": nn.Linear(3, 2), "loss_fn": nn.MSELoss(), "x": X, "y": Y} | change
    with pytest.raises(SdesimError, match=said):
        batched.BatchedLoss(**settings)


def test_wrong_shapes_are_refused():
    found = batched.BatchedLoss(nn.Linear(3, 2), nn.MSELoss(), X, Y)
    with pytest.raises(SdesimError, match=r"theta must be \(K, 8\)"):
        found.losses(torch.zeros(2, 7))
    with pytest.raises(SdesimError, match="weights must be"):
        found.weighted(torch.zeros(2, 8), torch.zeros(1, 13))
    with pytest.raises(SdesimError, match="indices must be"):
        found.picked(torch.zeros(2, 8), torch.zeros(3, 4, dtype=torch.int64))
