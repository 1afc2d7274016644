"""Real runs: the same schema, the same bits, and gradients that agree with autograd."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parameters_to_vector

import sdesim
from sdesim.errors import RunError
from sdesim.runs import validate_run
from sdesim.training import TorchOracle, mlp, network_surface, record
from tests.training.recorded import DIGITS, PROBES, sgd, train


def test_a_recorded_run_is_of_the_schema_and_learns():
    run = train(steps=60, trajectories=2, optimizer=sgd(0.5), probes=PROBES)

    validate_run(run)
    assert run.attrs["kind"] == "real"
    assert (run.loss.values[:, -1] < run.loss.values[:, 0]).all()
    assert run.test_accuracy.values[:, -1].mean() > run.test_accuracy.values[:, 0].mean()
    np.testing.assert_allclose(run.time.values, 0.5 * run.step.values)
    assert run.epoch.values[-1] == 10.0


def test_a_run_that_begins_where_another_ended_goes_on_as_if_it_had_not_stopped():
    whole = train(steps=16, batch_size=None, trajectories=2, init="fresh").theta.values
    first = train(batch_size=None, trajectories=2, init="fresh").theta.values

    second = train(batch_size=None, trajectories=2, init=first[:, -1])

    assert second.theta.values.tobytes() == whole[:, 8:].tobytes()
    assert second.attrs["init"] == "given"


def test_a_loss_keeps_what_training_wrote_and_begins_each_seed_with_the_same():
    said = []

    def loss(output, target):
        said.append(len(target))
        return cross_entropy(output, target) * (1.0 + 0.1 * len(said))

    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    y = (x[:, 0] > 0).long()
    net = mlp([3, 2])
    init = [parameters_to_vector(net.parameters()).detach().numpy()] * 2
    run = record(net, loss, (x, y), None, lambda p: torch.optim.SGD(p, lr=0.1), steps=3, batch_size=None,
                 init=np.stack(init), trajectories=2)  # fmt: skip
    assert said == [16] * 3
    assert np.array_equal(run.theta[0], run.theta[1])


def test_given_starts_that_do_not_fit_are_refused():
    with pytest.raises(RunError, match=r"init must have shape \(2, 610\), got \(1, 610\)"):
        train(trajectories=2, init=np.zeros((1, 610)))
    with pytest.raises(RunError, match="init holds parameters that are not finite"):
        train(init=np.full((1, 610), np.nan))
    with pytest.raises(RunError, match='init must be "module", "fresh", a function seed'):
        train(init="modul")


@pytest.mark.parametrize(
    "optimizer",
    [sgd(momentum=0.9), lambda p: torch.optim.Adam(p, lr=1e-2), lambda p: torch.optim.LBFGS(p, lr=0.1)],
)
def test_any_optimizer_can_be_recorded(optimizer):
    run = train(optimizer=optimizer, probes=PROBES)

    validate_run(run)
    assert np.isfinite(run.loss.values).all()


def test_any_module_and_any_loss_can_be_recorded():
    layers = [
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 3, 3),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(108, 10),
    ]
    run = record(
        nn.Sequential(*layers).double(), lambda out, y: cross_entropy(out, y) + 0.0,
        (DIGITS.x_train, DIGITS.y_train), None, sgd(),
        steps=4, batch_size=10, probes=PROBES, progress=False,
    )  # fmt: skip

    validate_run(run)
    assert list(run.group.values) == ["1", "4"]
    assert "test_accuracy" not in run


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 100}, "batch_size must be 1 to 60"),
        ({"init": "new"}, "init must be"),
        ({"sampling": "iid"}, "sampling must be one of"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"resume": True}, "resume=True needs out"),
        ({"save": ("weights",)}, "save takes"),
        ({"probes": False}, "probes must be Probes, or None"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    with pytest.raises(RunError, match=message):
        train(**changes)


def test_a_network_and_its_simulated_twin_have_the_same_covariance_of_gradients():
    network = mlp([64, 8, 10], seed=0)
    surface = network_surface(network, DIGITS.x_train, DIGITS.y_train, "cross_entropy")
    torch_oracle = TorchOracle(
        network, cross_entropy, torch.tensor(DIGITS.x_train), torch.tensor(DIGITS.y_train), 5
    )
    twin = sdesim.engine.SimulatedOracle(surface, [sdesim.noise.Minibatch(surface, 5, 0.1)], 0.1)
    n = 4000

    real, simulated = (o.gradients(surface.start, n, np.random.default_rng(1)) for o in (torch_oracle, twin))

    traces = [g.var(axis=0, ddof=1).sum() for g in (real, simulated)]
    # A trace over a few effective directions has relative error near √(2/n); six of √2 of them.
    assert abs(traces[0] / traces[1] - 1) < 6 * np.sqrt(2) * np.sqrt(2 / n)
    gap = np.linalg.norm(real.mean(axis=0) - simulated.mean(axis=0))
    assert gap < 6 * np.sqrt(2 * traces[0] / n)
