"""Examples drawn by weights: loss, gradients, noise and Hessian are those of Σ q_i ℓ_i."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

import sdesim
from sdesim.data.weightings import Classes
from sdesim.errors import RunError, ScenarioError
from sdesim.networks.fully_connected import flat_parameters
from sdesim.scenario import parse_scenario
from sdesim.training import Monitor, TorchOracle, mlp, prune, record, twin
from tests.training.data.weighted import COUNTS, Q, X, Y

TWICE = torch.as_tensor(np.repeat(np.arange(40), COUNTS))
BATCH = 3


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def train(train, network=None, loss=cross_entropy, **changes):
    arguments = {"steps": 6, "batch_size": 5, "seed": 3, "save_every": 2, "progress": False}
    test = changes.pop("test", None)
    return record(network or mlp([64, 6, 10], seed=0), loss, train, test, sgd, **(arguments | changes))


def loader(sampler_weights=COUNTS, **options):
    sampler = WeightedRandomSampler(torch.as_tensor(sampler_weights, dtype=torch.float64), 40)
    return DataLoader(TensorDataset(X, Y), batch_size=5, sampler=sampler, **options)


def normed():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, 3), nn.LayerNorm(3), nn.Tanh(), nn.Linear(3, 10)).double()


NETWORKS = {"outer products": lambda: mlp([64, 3, 10], seed=0), "vmap": normed}


def example_gradients(model):
    """∇ℓ_i (n, d) by autograd, one example after another."""
    found = []
    for i in range(len(X)):
        model.zero_grad()
        cross_entropy(model(X[i : i + 1]), Y[i : i + 1]).backward()
        found.append(np.concatenate([p.grad.numpy().ravel() for p in model.parameters()]))
    return np.array(found)


@pytest.mark.parametrize("path", NETWORKS)
def test_gradients_have_the_weighted_mean_and_the_weighted_covariance_over_b(path):
    model = NETWORKS[path]()
    each = example_gradients(model)
    mean = Q @ each
    covariance = ((each * Q[:, None]).T @ each - np.outer(mean, mean)) / BATCH

    oracle = TorchOracle(model, cross_entropy, X, Y, BATCH, torch.as_tensor(Q))
    draws = oracle.gradients(flat_parameters(model), 3000, np.random.default_rng(0))

    assert oracle.path == path
    # Along twelve fixed directions: means and variances within six standard errors, which 24 tests of sums of
    # bounded numbers exceed together with probability below 1e-6.
    directions = np.random.default_rng(1).standard_normal((12, len(mean)))
    apart = (draws - mean) @ directions.T
    exact = np.einsum("kd,de,ke->k", directions, covariance, directions)
    squares = apart**2
    assert (np.abs(apart.mean(axis=0)) < 6 * np.sqrt(exact / 3000)).all()
    assert (np.abs(squares.mean(axis=0) - exact) < 6 * squares.std(axis=0) / np.sqrt(3000)).all()
    # Drawn all alike, some of both would miss.
    mean, plain = (each.mean(axis=0) - mean) @ directions.T, ((each @ directions.T).var(axis=0) / BATCH)
    assert (np.abs(mean) > 12 * np.sqrt(exact / 3000)).any()
    assert (np.abs(plain - exact) > 12 * squares.std(axis=0) / np.sqrt(3000)).any()


@pytest.mark.parametrize("path", NETWORKS)
def test_loss_and_hessian_of_integer_weights_are_those_of_duplicated_examples(path):
    model = NETWORKS[path]()
    theta = flat_parameters(model)
    along = np.random.default_rng(2).standard_normal(len(theta))
    weighted = TorchOracle(model, cross_entropy, X, Y, BATCH, torch.as_tensor(Q))
    twice = TorchOracle(model, cross_entropy, X[TWICE], Y[TWICE], BATCH)

    assert weighted.loss(theta) == pytest.approx(twice.loss(theta), rel=1e-12)
    np.testing.assert_allclose(weighted.hvp(theta, along), twice.hvp(theta, along), rtol=1e-9, atol=1e-12)
    assert abs(weighted.loss(theta) / TorchOracle(model, cross_entropy, X, Y, 1).loss(theta) - 1) > 1e-4


def test_a_run_of_integer_weights_begins_like_one_of_duplicated_examples():
    probes = sdesim.Probes(every=3, samples=4)
    weighted = train((X, Y), weights=COUNTS, test=(X, Y), probes=probes)
    twice = train((X[TWICE], Y[TWICE]), sampling="with-replacement", test=(X, Y), probes=probes)

    for name in ("loss", "train_accuracy", "test_loss", "test_accuracy", "lambda_max"):
        assert weighted[name].values[0, 0] == pytest.approx(twice[name].values[0, 0], rel=1e-9), name
    assert weighted.loss.values[0, 0] != pytest.approx(weighted.test_loss.values[0, 0], rel=1e-4)
    assert (weighted.attrs["sampling"], weighted.attrs["dataset_size"]) == ("weighted", 40)


def test_a_weighted_loader_is_the_same_as_weights_beside_arrays():
    given = train((X, Y), weights=COUNTS, probes=sdesim.Probes(every=3, samples=4), test=(X, Y))
    loaded = train(
        loader(drop_last=True), batch_size=None, probes=sdesim.Probes(every=3, samples=4), test=loader()
    )

    for name in given.data_vars:
        assert given[name].values.tobytes() == loaded[name].values.tobytes(), name
    assert given.attrs["fingerprint"] == loaded.attrs["fingerprint"]


def test_a_weighted_batch_may_be_larger_than_the_data_set():
    sampler = WeightedRandomSampler(torch.as_tensor(COUNTS).double(), 100)
    source = DataLoader(TensorDataset(X, Y), batch_size=60, sampler=sampler)

    run = train(source, batch_size=None, probes=sdesim.Probes(every=3, samples=4))

    assert run.attrs["batch_size"] == 60
    assert run.epoch.values[-1] == 6 * 60 / 40
    assert np.isfinite(run.loss.values).all()


def test_balanced_weights_give_every_label_the_same_loss_share_and_zeros_leave_out():
    labels = torch.tensor([0] * 30 + [1] * 10)
    balanced = train((X, labels), weights="balanced")
    first, second = (train((X[s], labels[s])) for s in (slice(30), slice(30, 40)))
    without = train((X, labels), weights=(labels == 1).double())

    mean = (first.loss.values[0, 0] + second.loss.values[0, 0]) / 2
    assert balanced.loss.values[0, 0] == pytest.approx(mean, rel=1e-12)
    assert without.loss.values[0, 0] == pytest.approx(second.loss.values[0, 0], rel=1e-12)
    assert without.attrs["dataset_size"] == 10


def test_a_loss_that_torch_cannot_take_side_by_side_is_weighted_all_the_same():
    def branching(output, y):
        return cross_entropy(output, y) if float(output.detach().sum()) > -1e9 else output.sum()

    plain, branched = train((X, Y), weights=COUNTS), train((X, Y), weights=COUNTS, loss=branching)

    np.testing.assert_allclose(branched.loss.values, plain.loss.values, rtol=1e-12)


def test_pruning_trains_on_the_weighted_examples_of_a_loader():
    settings = {"sparsity": 0.5, "steps": 10, "rule": "gradient-signal"}
    network = mlp([64, 6, 10], seed=0)
    loaded = prune(network, cross_entropy, loader(), sgd, **settings)
    given = prune(network, cross_entropy, (X, Y), sgd, batch_size=5, weights=COUNTS, **settings)
    plain = prune(network, cross_entropy, (X, Y), sgd, batch_size=5, **settings)

    assert (loaded == given).all()
    assert (given != plain).any()


def test_a_monitor_measures_under_the_weights_of_its_loader_and_changes_nothing():
    def trained(monitored):
        torch.manual_seed(0)
        network, batches = mlp([64, 6, 10], seed=0), loader()
        optimizer = sgd(network.parameters())
        monitor = Monitor(network, cross_entropy, batches, optimizer=optimizer, every=8, curvature_every=1)
        for x, y in batches:
            optimizer.zero_grad()
            cross_entropy(network(x), y).backward()
            optimizer.step()
            if monitored:
                monitor.step()
        return network, monitor

    bare, _ = trained(False)
    watched, monitor = trained(True)
    monitor.measure()

    assert all(map(torch.equal, bare.parameters(), watched.parameters()))
    oracle = TorchOracle(watched, cross_entropy, X, Y, 5, torch.as_tensor(Q))
    theta = flat_parameters(watched)
    assert monitor.history[-1].loss == pytest.approx(oracle.loss(theta), rel=1e-12)
    hessian = np.array([oracle.hvp(theta, e) for e in np.eye(len(theta))])
    assert monitor.history[-1].lambda_max.value == pytest.approx(np.linalg.eigvalsh(hessian)[-1], rel=1e-2)
    assert monitor.run().attrs["sampling"] == "weighted"


def test_a_monitor_of_class_weights_draws_its_loss_where_it_has_no_weighted_mean():
    network, loss = mlp([64, 6, 10], seed=0), nn.CrossEntropyLoss(weight=torch.arange(1.0, 11.0).double())
    monitor = Monitor(network, loss, loader(), learning_rate=0.1, samples=4)

    assert np.isfinite(monitor.measure().loss)


REFUSED = [
    ({"weights": COUNTS[:5]}, r"weights must be 40 numbers, one for each example, got \(5,\)"),
    ({"weights": -COUNTS}, "weights must be finite and at least 0"),
    ({"weights": np.zeros(40)}, "not all 0"),
    (
        {"weights": "even"},
        "^weights: found 'even', allowed: balanced, classes; or a number for each example$",
    ),
    ({"weights": COUNTS, "batch_size": None}, "weights need batch_size"),
    ({"weights": COUNTS, "sampling": "sequential"}, "leave sampling out"),
    ({"train": loader(), "batch_size": None, "weights": COUNTS}, "weights beside a DataLoader"),
    (
        {"train": loader([1.0, 2.0]), "batch_size": None},
        "train: the sampler has 2 weights, the data set 40 examples",
    ),
    (
        {"weights": COUNTS, "loss": nn.CrossEntropyLoss(weight=torch.arange(1.0, 11.0).double())},
        "weighted examples need a loss that is the mean of the losses of single examples",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_weights_that_do_not_fit_are_refused_in_one_line(changes, message):
    with pytest.raises(RunError, match=message) as caught:
        train(**({"train": (X, Y)} | changes))

    assert "\n" not in str(caught.value)


def test_weights_of_classes_draw_as_the_same_numbers_for_each_example_do():
    data = sdesim.data.digits(40, 0)
    weights = [1.0, 2.0, 0.0, *[0.5] * 7]

    by_kind = train(data, weights=Classes(weights))
    by_hand = train(data, weights=np.array(weights)[data.y_train])

    assert by_kind.loss.values.tobytes() == by_hand.loss.values.tobytes()
    with pytest.raises(RunError, match=r"^weights: found 2 weights, allowed: 10, one for each class$"):
        train(data, weights=Classes([1, 2]))


def test_a_weighted_run_has_a_twin_by_its_recipe_alone():
    run = train((X, Y), weights=COUNTS)

    with pytest.raises(RunError, match="by sampling weighted, the recipe by epoch: give the recipe"):
        twin(run, mlp([64, 6, 10], seed=0), cross_entropy, (X, Y), progress=False)


SCENARIO = """
name: balanced
arms:
  net:
    train:
      data: {kind: digits, train: 100, test: 50}
      network: {kind: mlp, widths: [64, 8, 10]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 10}
      weights: balanced
      steps: 10
"""


def test_a_scenario_balances_its_classes_and_has_a_twin_of_it(tmp_path):
    assert parse_scenario(SCENARIO).arms["net"].train.weights.kind == "balanced"
    parse_scenario(SCENARIO + "  sde:\n    simulate: {twin_of: net, noise: [{kind: minibatch}]}\n")
    with pytest.raises(ScenarioError, match="balanced weights need class labels and a batch_size"):
        parse_scenario(SCENARIO.replace(", batch_size: 10", ""))
