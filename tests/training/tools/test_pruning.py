"""Pruned networks: which weights are left, and that nothing else enters the run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sdesim.data import teacher_student
from sdesim.errors import RunError
from sdesim.runs import Probes

torch = pytest.importorskip("torch")

from sdesim.networks.fully_connected import flat_parameters  # noqa: E402
from sdesim.training import (  # noqa: E402
    TorchOracle,
    mlp,
    network_surface,
    prune,
    record,
    reinitialised,
)

DATA = teacher_student(120, 60, features=6, outputs=3, task="classification", seed=2)
LOSS = torch.nn.functional.cross_entropy
WIDTHS = (6, 10, 8, 3)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3)


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.1)


def network():
    return mlp(WIDTHS, "relu", seed=1)


def ticket(rule="magnitude", **more):
    options = {"sparsity": 0.75, "rounds": 3, "steps": 30, "batch_size": 20, "seed": 4} | more
    if rule in ("one-shot", "random"):
        options |= {"rounds": 1}
    return prune(
        network(), LOSS, DATA, sgd, rule=rule, **(options | {"steps": 0} if rule == "random" else options)
    )


def layers(mask):
    """The mask of each parameter: weights and biases in turn."""
    return np.split(mask, np.cumsum([p.numel() for p in network().parameters()])[:-1])


@pytest.mark.parametrize("rule", ["magnitude", "one-shot", "gradient-signal", "random"])
def test_every_rule_keeps_the_asked_share_of_each_weight_layer_and_all_biases(rule):
    mask = ticket(rule)

    assert [int(part.sum()) for part in layers(mask)] == [15, 10, 20, 8, 6, 3]
    np.testing.assert_array_equal(mask, ticket(rule))


def test_one_shot_keeps_the_largest_weights_of_the_trained_network():
    module = network()
    trained = record(
        module, LOSS, DATA, None, sgd, steps=1, batch_size=None, progress=False, sampling="epoch"
    )["theta"].values[0, -1]

    mask = prune(module, LOSS, DATA, sgd, rule="one-shot", sparsity=0.5, steps=1)

    first, kept = np.abs(trained[:60]), mask[:60]
    assert first[kept].min() >= first[~kept].max()


def test_rounds_take_away_from_what_is_left_and_rewind_to_the_initial_weights():
    module = network()
    before = flat_parameters(module)

    one = prune(module, LOSS, DATA, sgd, sparsity=0.5, rounds=1, steps=10, seed=4)
    two = prune(module, LOSS, DATA, sgd, sparsity=0.75, rounds=2, steps=10, seed=4)

    assert not np.any(two & ~one)
    np.testing.assert_array_equal(flat_parameters(module), before)


@pytest.mark.parametrize("optimizer", [sgd, adamw])
def test_a_masked_run_is_that_of_the_network_whose_other_weights_stay_zero(optimizer):
    mask = ticket("random")
    surface = network_surface(network(), DATA.x_train, DATA.y_train, "cross_entropy", mask)

    run = record(
        network(), LOSS, DATA, None, optimizer, steps=30, batch_size=20, mask=mask, save_every=10,
        probes=Probes(every=30, samples=8), progress=False,
    )  # fmt: skip

    theta = run["theta"].values[0]
    assert run.sizes["param"] == mask.sum() == surface.dim
    np.testing.assert_array_equal(theta[0], flat_parameters(network())[mask])
    assert np.abs(theta[-1] - theta[0]).max() > 1e-3
    # The same loss by another road: float64, some 1e-15 of it is rounding.
    np.testing.assert_allclose(run["loss"].values[0], surface.loss(theta), rtol=1e-12)
    np.testing.assert_allclose(run["weight_norm"].values[0], np.linalg.norm(theta, axis=1), rtol=1e-14)
    # λ_max of the surviving rows and columns; Lanczos stops at its residual.
    hessian = np.stack([surface.hvp(theta[-1], e) for e in np.eye(surface.dim)])
    assert run["lambda_max"].values[0, -1] == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-3)
    assert json.loads(run.attrs["layer_sparsity"]) == {"0.weight": 0.75, "2.weight": 0.75, "4.weight": 0.75}


def test_gradients_of_a_masked_run_are_the_surviving_ones():
    mask = ticket("random", seed=1)

    run = record(
        network(), LOSS, DATA, None, sgd, steps=1, batch_size=20, mask=mask,
        probes=Probes(every=1, samples=16, batch_size=40_000), progress=False,
    )  # fmt: skip

    module = network()
    with torch.no_grad():
        for parameter, kept in zip(module.parameters(), layers(mask), strict=True):
            parameter *= torch.from_numpy(kept.reshape(parameter.shape))
    x, y = torch.from_numpy(DATA.x_train), torch.from_numpy(DATA.y_train)
    LOSS(module(x), y).backward()
    full = np.concatenate([p.grad.reshape(-1).numpy() for p in module.parameters()])
    signal = float(run["signal"].values[0, 0])
    # |ḡ|² of 16 batches of 40,000 draws exceeds |∇L|² by noise/16, and |ḡ| differs by a few noise/16 at most.
    spread = float(run["noise"].values[0, 0]) / 16
    length = np.sum(full[mask] ** 2)
    assert abs(signal - length) < spread + 12 * np.sqrt(spread * length)
    assert np.sum(full**2) > length + spread + 12 * np.sqrt(spread * length)


def test_new_weights_keep_the_mask_and_differ():
    other = reinitialised(network(), 3)

    assert not np.any(flat_parameters(other) == flat_parameters(network()))
    np.testing.assert_array_equal(flat_parameters(other), flat_parameters(reinitialised(network(), 3)))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_networks_without_biases_and_squared_error_on_labels_have_exact_gradients_and_a_surface(bias, loss):
    from sdesim.training import one_hot_mse

    module = mlp(WIDTHS, "quadratic", seed=1, bias=bias, init="normal", scale=0.7)
    function = one_hot_mse if loss == "mse" else LOSS
    x, y = torch.from_numpy(DATA.x_train), torch.from_numpy(DATA.y_train)
    theta = flat_parameters(module)
    rows = torch.from_numpy(np.random.default_rng(5).integers(0, 120, size=(3, 7)))

    surface = network_surface(module, x, y, loss)
    drawn = TorchOracle(module, function, x, y, 7).gradients(theta, 3, np.random.default_rng(5))

    for k, chosen in enumerate(rows):
        module.zero_grad()
        function(module(x[chosen]), y[chosen]).backward()
        expected = np.concatenate([p.grad.reshape(-1).numpy() for p in module.parameters()])
        np.testing.assert_allclose(drawn[k], expected, atol=1e-13)
    assert surface.dim == len(theta)
    assert float(surface.loss(theta)) == pytest.approx(float(function(module(x), y).detach()), rel=1e-12)


@pytest.mark.parametrize(("init", "variance"), [("xavier-normal", 2 / 700), ("normal", 1 / 400)])
def test_initial_weights_have_the_stated_variance_and_fresh_ones_too(init, variance):
    module = mlp((400, 300), seed=0, init=init, scale=2.0)

    for network_ in (module, reinitialised(module, 1)):
        weight = network_[0].weight.detach().numpy()
        # 120,000 normal draws: the relative standard error of their variance is √(2/120,000) = 0.4%.
        assert weight.var() == pytest.approx(4 * variance, rel=0.022)
        assert not network_[0].bias.detach().numpy().any()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rule": "magnitud"}, "rule must be one of magnitude, one-shot"),
        ({"sparsity": 1.0}, "sparsity must be between 0 and 1"),
        ({"rule": "one-shot", "rounds": 2}, "rounds must be 1 for one-shot"),
        ({"rule": "random"}, "steps must be 0 for random"),
        ({"steps": 0}, "steps must be at least 1 for magnitude"),
        ({"batch_size": 121}, "batch_size must be 1 to 120"),
    ],
)
def test_pruning_that_makes_no_sense_is_refused(options, words):
    with pytest.raises(RunError, match=words):
        prune(network(), LOSS, DATA, sgd, **({"sparsity": 0.5, "steps": 5} | options))


def test_a_mask_that_does_not_fit_is_refused():
    with pytest.raises(RunError, match="mask must be"):
        record(network(), LOSS, DATA, None, sgd, steps=1, mask=np.ones(3, dtype=bool), progress=False)
