"""Real runs: the same schema, the same bits, and gradients that agree with autograd."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.networks.fully_connected import flat_parameters
from sdesim.runs import validate_run
from sdesim.training import TorchOracle, mlp, network_surface, record

DIGITS = data.digits(60, 40, seed=0)
PROBES = sdesim.Probes(every=4, samples=6)


def sgd(lr=0.1, **settings):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr, **settings)


def train(**changes):
    arguments = {"steps": 8, "batch_size": 10, "seed": 3, "progress": False, "save_every": 1}
    network = changes.pop("network", None) or mlp([64, 8, 10], seed=0)
    optimizer = changes.pop("optimizer", sgd())
    return record(network, cross_entropy, DIGITS, None, optimizer, **(arguments | changes))


def test_a_recorded_run_is_of_the_schema_and_learns():
    run = train(steps=60, trajectories=2, optimizer=sgd(0.5), probes=PROBES)

    validate_run(run)
    assert run.attrs["kind"] == "real"
    assert (run.loss.values[:, -1] < run.loss.values[:, 0]).all()
    assert run.test_accuracy.values[:, -1].mean() > run.test_accuracy.values[:, 0].mean()
    np.testing.assert_allclose(run.time.values, 0.5 * run.step.values)
    assert run.epoch.values[-1] == 10.0


def test_full_batch_descent_is_the_map_of_the_surface():
    network = mlp([64, 8, 10], seed=0)
    run = train(network=network, batch_size=None)
    surface = network_surface(network, DIGITS.x_train, DIGITS.y_train, "cross_entropy")

    theta = surface.start.copy()
    for step in range(8):
        np.testing.assert_allclose(run.theta.values[0, step], theta, atol=1e-12)
        np.testing.assert_allclose(run.loss.values[0, step], surface.loss(theta), rtol=1e-12)
        theta = theta - 0.1 * surface.grad(theta)


def test_a_run_that_begins_where_another_ended_goes_on_as_if_it_had_not_stopped():
    whole = train(steps=16, batch_size=None, trajectories=2, init="fresh").theta.values
    first = train(batch_size=None, trajectories=2, init="fresh").theta.values

    second = train(batch_size=None, trajectories=2, init=first[:, -1])

    assert second.theta.values.tobytes() == whole[:, 8:].tobytes()
    assert second.attrs["init"] == "given"


def test_given_starts_that_do_not_fit_are_refused():
    with pytest.raises(RunError, match=r"init must have shape \(2, 610\), got \(1, 610\)"):
        train(trajectories=2, init=np.zeros((1, 610)))
    with pytest.raises(RunError, match="init holds parameters that are not finite"):
        train(init=np.full((1, 610), np.nan))
    with pytest.raises(RunError, match='init must be "module", "fresh" or an array'):
        train(init="modul")


def test_the_same_seed_gives_the_same_bits_and_seeds_do_not_disturb_each_other():
    three, one = train(trajectories=3), train(trajectories=1)

    assert train(trajectories=3).theta.values.tobytes() == three.theta.values.tobytes()
    assert three.theta.values[0].tobytes() == one.theta.values[0].tobytes()
    assert three.theta.values[1].tobytes() != one.theta.values[0].tobytes()


def test_probing_does_not_change_the_training():
    assert train().theta.values.tobytes() == train(probes=PROBES).theta.values.tobytes()


def test_recording_leaves_the_module_and_the_global_generators_alone():
    network = mlp([64, 8, 10], seed=0)
    before = flat_parameters(network)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)

    train(network=network, probes=PROBES)

    assert (flat_parameters(network) == before).all()
    assert torch.equal(torch.rand(3), expected)


def test_fresh_seeds_start_elsewhere_and_module_seeds_at_the_module():
    same, fresh = train(trajectories=2), train(trajectories=2, init="fresh")

    assert (same.theta.values[0, 0] == same.theta.values[1, 0]).all()
    assert (fresh.theta.values[0, 0] != fresh.theta.values[1, 0]).any()


@pytest.mark.parametrize(
    "optimizer",
    [sgd(momentum=0.9), lambda p: torch.optim.Adam(p, lr=1e-2), lambda p: torch.optim.LBFGS(p, lr=0.1)],
)
def test_any_optimizer_can_be_recorded(optimizer):
    run = train(optimizer=optimizer, probes=PROBES)

    validate_run(run)
    assert np.isfinite(run.loss.values).all()


def test_a_schedule_sets_the_time_and_the_learning_rate():
    run = train(scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, 4, gamma=0.5))

    np.testing.assert_allclose(run.learning_rate.values[0], [0.1] * 4 + [0.05] * 4 + [0.025])
    np.testing.assert_allclose(run.time.values[-1], 0.6)


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


def test_a_diverging_seed_is_flagged_and_leaves_the_others_alone():
    network = mlp([64, 8, 10], "quadratic", seed=0)
    run = train(network=network, optimizer=sgd(1e3), probes=PROBES, trajectories=2)

    assert (run.status.values == 1).all()
    assert np.isnan(run.loss.values[:, -1]).all()
    assert np.isfinite(run.loss.values[:, 0]).all()


def test_an_interrupted_recording_goes_on_with_the_same_bits(tmp_path):
    whole = train(trajectories=3, probes=PROBES)

    class Stopped(Exception):
        pass

    def stop(done, total):
        if done > 16:
            raise Stopped

    with pytest.raises(Stopped):
        train(trajectories=3, probes=PROBES, out=tmp_path / "run.zarr", progress=stop)
    resumed = train(trajectories=3, probes=PROBES, out=tmp_path / "run.zarr", resume=True)

    for name in whole.data_vars:
        assert whole[name].values.tobytes() == resumed[name].values.tobytes(), name
    assert [p.name for p in tmp_path.iterdir()] == ["run.zarr"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 100}, "batch_size must be 1 to 60"),
        ({"init": "new"}, "init must be"),
        ({"sampling": "iid"}, "sampling must be one of"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"resume": True}, "resume=True needs out"),
        ({"save": ("weights",)}, "save takes"),
    ],
)
def test_bad_arguments_are_refused(changes, message):
    with pytest.raises(RunError, match=message):
        train(**changes)


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu", "quadratic"])
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_outer_products_are_the_gradients_of_autograd(activation, loss):
    torch.manual_seed(0)
    network = mlp([5, 4, 3], activation, seed=1)
    x = torch.randn(20, 5, dtype=torch.float64)
    y = torch.randint(3, (20,)) if loss == "cross_entropy" else torch.randn(20, 3, dtype=torch.float64)
    function = cross_entropy if loss == "cross_entropy" else mse_loss
    fast = TorchOracle(network, function, x, y, 4)
    slow = TorchOracle(network, lambda a, b: function(a, b), x, y, 4)
    theta = flat_parameters(network)
    surface = network_surface(network, x, y, loss)

    one, other = (o.gradients(theta, 7, np.random.default_rng(2)) for o in (fast, slow))

    np.testing.assert_allclose(one, other, atol=1e-12)
    np.testing.assert_allclose(surface.loss(theta), fast.loss(theta), rtol=1e-12)
    v = np.random.default_rng(3).standard_normal(theta.size)
    np.testing.assert_allclose(surface.hvp(theta, v), slow.hvp(theta, v), atol=1e-10)


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
