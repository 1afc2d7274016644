"""Every kind of network: its sizes, what it gives, weights drawn anew, and derivatives of all readings."""

import numpy as np
import pytest

from sdesim.data import Dataset
from sdesim.kinds import names_of
from sdesim.networks import MLP, Conv, Recurrent, Transformer
from sdesim.networks.losses import CrossEntropy

torch = pytest.importorskip("torch")

from sdesim.networks.fully_connected import flat_parameters  # noqa: E402
from sdesim.training import TorchOracle  # noqa: E402
from sdesim.training.loop.fresh import fresh_module  # noqa: E402

NETWORKS = {
    "mlp, layer": MLP((4, 3, 3), normalisation="layer"),
    "mlp, batch and dropout": MLP((4, 3, 2, 3), normalisation="batch", dropout=0.25),
    "conv": Conv((1, 4, 4), 3, (2, 2), activation="tanh", hidden=(3,)),
    "conv, signal": Conv((2, 6), 3, (2,), normalisation="layer", pooling="mean"),
    "conv, residual": Conv((1, 3, 3), 2, (1, 2), style="residual", pooling="stride", activation="gelu"),
    "conv, residual signal": Conv((1, 6), 2, (2, 2), style="residual", blocks=2, normalisation="batch"),
    "transformer": Transformer(3, 2, 3, width=2, heads=1, factor=1),
    "transformer, every": Transformer(
        3, 2, 2, width=2, factor=1, head="every", causal=False, normalisation="none"
    ),
    "transformer, dropout": Transformer(3, 2, 3, width=4, layers=2, dropout=0.1),
    "lstm": Recurrent(3, 4, 3, hidden=2, embedding=1),
    "gru": Recurrent(2, shape=(2, 3), cell="gru", hidden=2, layers=2, head="every"),
    "gru, dropout": Recurrent(2, shape=(1, 3), cell="gru", hidden=2, layers=2, dropout=0.2),
}


def examples_of(network, n=6):
    rng = np.random.default_rng(0)
    tokens, places = network.input_tokens, network.output_positions
    shape = (n, network.inputs)
    x = rng.integers(0, tokens, shape).astype(float) if tokens else rng.normal(size=shape)
    y = rng.integers(0, network.outputs, (n, places) if places else n)
    return Dataset(
        x, y, x[:0], y[:0], shape=network.input_shape or (), vocabulary=tokens, positions=places,
        known_classes=network.outputs,
    )  # fmt: skip


def loss_and_oracle(network, batch=2):
    data = examples_of(network)
    module, loss = network.build(), CrossEntropy().function(data)
    x, y = torch.tensor(data.x_train), torch.tensor(data.y_train)
    return module, loss, x, y, TorchOracle(module, loss, x, y, batch)


def test_every_kind_of_network_is_here():
    assert {network.kind for network in NETWORKS.values()} == set(names_of("networks"))


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_are_known_without_building_and_weights_can_be_drawn_anew(name):
    network = NETWORKS[name]

    module = network.build()

    assert network.shapes == tuple(tuple(p.shape) for p in module.parameters())
    assert all(p.dtype == torch.float64 for p in module.parameters())
    assert list(network.problems(examples_of(network))) == []
    fresh = fresh_module(module, 5)
    assert not np.array_equal(flat_parameters(fresh), flat_parameters(module))
    assert np.array_equal(flat_parameters(network.build()), flat_parameters(module))


@pytest.mark.parametrize("name", NETWORKS)
def test_what_layers_do_in_training_alone_is_known_before(name):
    network = NETWORKS[name]
    *_, oracle = loss_and_oracle(network)

    # A reading names the same layers; those of torch alone are looked at.
    assert set(oracle.trial.modes) == set(network.training_layers)


@pytest.mark.parametrize("name", [n for n, net in NETWORKS.items() if not net.training_layers])
def test_example_gradients_and_hessian_are_those_of_plain_passes(name):
    module, loss, x, y, oracle = loss_and_oracle(NETWORKS[name])
    parameters, theta = list(module.parameters()), flat_parameters(module)

    def flat(parts):
        zero = [torch.zeros_like(p) if g is None else g for g, p in zip(parts, parameters, strict=True)]
        return torch.cat([g.reshape(-1) for g in zero])

    alone = [
        flat(torch.autograd.grad(loss(module(x[i : i + 1]), y[i : i + 1]), parameters)) for i in range(6)
    ]
    slope = flat(torch.autograd.grad(loss(module(x), y), parameters, create_graph=True))
    dense = torch.stack(
        [flat(torch.autograd.grad(s, parameters, retain_graph=True, allow_unused=True)) for s in slope]
    ).numpy()
    expected = torch.stack(alone).detach().numpy()

    found = oracle.gradients_of(theta, torch.arange(6)[:, None], np.random.default_rng(0))
    moments = oracle.moments(theta)
    v = np.random.default_rng(1).standard_normal(len(theta))

    assert (oracle.path, oracle.inexact) == ("vmap", "")
    # Sums of a few hundred terms near 1, in two orders.
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(moments.mean, expected.mean(0), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(oracle.hvp(theta, v), dense @ v, rtol=1e-9, atol=1e-12)
    assert oracle.hvp_method == "double backward"
    # Σ of a batch of two, Σ₁/2, along all coordinates.
    centred = expected - expected.mean(0)
    factor = moments.covariance.backward(np.eye(len(theta)))
    np.testing.assert_allclose(factor @ factor.T, centred.T @ centred / 12, rtol=1e-9, atol=1e-13)
