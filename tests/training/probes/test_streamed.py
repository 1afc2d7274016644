"""Readings of one gradient after the other are those of gradients that are held together."""

import numpy as np
import pytest
import torch
from torch import nn

from sdesim import training
from sdesim.errors import RunError
from sdesim.networks.fully_connected import flat_parameters
from sdesim.runs import Probes, measure, probe, sizes
from sdesim.runs.directions import SignDirections
from sdesim.training import Monitor, Recipe, TorchOracle
from sdesim.training.probes import network_oracle, trial
from sdesim.training.probes.preconditioning import curvature_metric, scaling_of
from tests.training.probes.wrong_derivatives import Act, Detached

N, D_IN, SAMPLES = 96, 6, 12
GENERATOR = torch.Generator().manual_seed(0)
X = torch.randn(N, D_IN, generator=GENERATOR, dtype=torch.float64)
Y = (X[:, 0] * X[:, 1] > 0).long()


class Scaled(nn.Module):
    """No plain network: what it is read by is autograd."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(D_IN, 9), nn.Linear(9, 3)
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return self.second(torch.tanh(self.first(x))) * self.scale


def network(dtype=torch.float64):
    torch.manual_seed(0)
    return Scaled().to(dtype)


def oracle_of(net, batch=8, training_batch=48, loss=None, **more):
    x = X.to(next(net.parameters()).dtype)
    loss = loss or nn.CrossEntropyLoss()
    return TorchOracle(net, loss, x, Y, batch, training_batch=training_batch, **more)


def read(oracle, optimizer=None, curvature=True, only=None):
    net = oracle.module
    rng = np.random.default_rng(5)
    failures = {}
    found = oracle.streamed().read(
        oracle.draws(SAMPLES, rng), rng, step_size=0.1, offsets=oracle.called.offsets, groups=oracle.groups,
        directions=SignDirections(len(flat_parameters(net))), curvature=curvature, failures=failures,
        scaling=lambda: scaling_of(net, optimizer, only, torch.float64),
    )  # fmt: skip
    assert not failures
    return found


def held(oracle, optimizer=None, only=None):
    net = oracle.module
    theta, directions = flat_parameters(net), SignDirections(len(flat_parameters(net)))
    if only is not None:
        kept = network_oracle.coordinates(net, only)
        theta, directions = theta[kept], directions[:, kept]
    return probe(
        oracle, theta, samples=SAMPLES, rng=np.random.default_rng(5), step_size=0.1, directions=directions,
        groups=oracle.groups, metric=None if optimizer is None else curvature_metric(net, optimizer, only),
    )  # fmt: skip


def assert_alike(one, other):
    for name in ("signal", "noise", "gradient_samples", "gradient_norm2", "gradient_dot_mean",
                 "gradient_projection", "group_signal", "group_noise", "hessian_signal", "hessian_noise",
                 "hessian_noise_error"):  # fmt: skip
        np.testing.assert_allclose(one[name], other[name], rtol=1e-7, atol=1e-13, err_msg=name)
    assert (
        abs(one["lambda_max"] - other["lambda_max"])
        <= one["curvature_residual"] + other["curvature_residual"]
    )


def test_streamed_readings_are_those_of_gradients_held_together():
    net = network()

    # Two parts of the objective are too few to be dealt out: each draw meets all.
    assert_alike(read(oracle_of(net)), held(oracle_of(net)))


def test_sums_over_the_batch_come_on_the_scale_of_training():
    net, loss = network(), nn.CrossEntropyLoss(reduction="sum")

    assert_alike(read(oracle_of(net, loss=loss)), held(oracle_of(net, loss=loss)))


def test_batches_that_meet_in_the_network_stay_whole():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(D_IN, 9), nn.BatchNorm1d(9), nn.Tanh(), nn.Linear(9, 3)).double()
    before = {name: b.clone() for name, b in net.named_buffers()}

    assert_alike(read(oracle_of(net)), held(oracle_of(net)))

    for name, b in net.named_buffers():
        torch.testing.assert_close(b, before[name], rtol=0, atol=0)


def test_weighted_examples_count_by_their_weights():
    weights = torch.linspace(0.1, 2, N, dtype=torch.float64)
    net = network()

    assert_alike(read(oracle_of(net, weights=weights)), held(oracle_of(net, weights=weights)))


def test_frozen_parameters_are_left_out():
    net = network()
    net.first.weight.requires_grad_(False)
    only = [p.requires_grad for p in net.parameters()]

    one, other = (f(oracle_of(net, only=only), only=only) for f in (read, held))

    assert_alike(one, other)
    assert list(one["group_signal"] > 0) == [True] * 3


def test_curvature_in_the_metric_of_adam_is_that_of_the_probe():
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    nn.CrossEntropyLoss()(net(X), Y).backward()
    optimizer.step()

    one, other = (f(oracle_of(net), optimizer) for f in (read, held))

    assert one["critical_sharpness"] == other["critical_sharpness"]
    apart = abs(one["preconditioned_lambda_max"] - other["preconditioned_lambda_max"])
    assert apart <= one["preconditioned_residual"] + other["preconditioned_residual"]


def test_the_trace_is_unbiased_where_each_draw_meets_a_share_of_the_examples():
    net = network()
    whole = held(oracle_of(net))["hessian_noise"]
    oracle = oracle_of(net, training_batch=5)
    stream = oracle.streamed()
    draws = oracle.draws(SAMPLES, np.random.default_rng(5))
    with stream._placed.open():
        gradients = [torch.cat([g.reshape(-1) for g in stream._placed.gradient(d)]) for d in draws]
    mean = torch.stack(gradients).mean(dim=0)

    found = []
    for seed in range(100):
        shares = stream._shares(8, np.random.default_rng(seed))
        # Each example is met once by the eight together.
        assert sum(part.rows.stop - part.rows.start for share in shares for part in share) == N
        terms = [stream.bend(g - mean, share) for g, share in zip(gradients, shares, strict=False)]
        found.append(np.mean(terms) * SAMPLES / (SAMPLES - 1))

    # Five standard errors: 6e-7 of false alarms.
    assert abs(np.mean(found) - whole) <= 5 * np.std(found) / np.sqrt(len(found))


def test_a_wrong_second_derivative_is_found_in_the_networks_own_numbers():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(D_IN, 9), Act(Detached.apply), nn.Linear(9, 3)).double()
    right = nn.Sequential(net[0], training.mlp([2, 2, 2], "quadratic")[1], net[2])

    oracle = oracle_of(net)
    stream = oracle.streamed()
    start = stream._placed.random(0)
    found = stream.top(start)

    assert stream.method == "differences"
    theta = flat_parameters(net)
    dense = np.array([oracle_of(right).hvp(theta, e) for e in np.eye(len(theta))])
    assert found.value == pytest.approx(np.linalg.eigvalsh(dense)[-1], rel=2e-3)


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(sizes, "LARGE", 0)
    monkeypatch.setattr(sizes, "HELD", 0)
    monkeypatch.setattr(trial, "LARGE", 0)
    for module in ("sdesim.training.monitor.monitor", "sdesim.training.loop.prepared"):
        monkeypatch.setattr(f"{module}.projection_directions", SignDirections)


def test_a_monitor_of_a_large_network_reads_the_same_and_leaves_it_as_it_was(monkeypatch, request):
    net = network()
    before = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def measured():
        monitor = Monitor(
            net, nn.CrossEntropyLoss(), (X, Y), optimizer=optimizer, batch_size=8, samples=SAMPLES,
            announce=None, branches=0, curvature_every=1, validation=(X[:9], Y[:9]),
        )  # fmt: skip
        return monitor.measure(), monitor

    small, _ = measured()
    request.getfixturevalue("everything_is_large")
    large, monitor = measured()
    again = monitor.measure()

    assert monitor.gradient_path == "in place"
    for p, kept in zip(net.parameters(), before, strict=True):
        torch.testing.assert_close(p.detach(), kept, rtol=0, atol=0)
    assert large.loss == pytest.approx(small.loss, rel=1e-9)
    assert large.validation_loss == pytest.approx(small.validation_loss, rel=1e-9)
    assert large.lambda_max.value == pytest.approx(small.lambda_max.value, rel=3e-3)
    # Without draws the truth, which the interval of draws holds.
    assert large.C_alpha.low < small.C_alpha.value < large.C_alpha.high
    assert again.lambda_max.value == pytest.approx(large.lambda_max.value, rel=3e-3)


@pytest.mark.usefixtures("everything_is_large")
def test_a_recorded_training_of_a_large_network_is_probed():
    recipe = Recipe(network(torch.float32), nn.CrossEntropyLoss(), (X.float(), Y), None, steps=4,
                    batch_size=8,
                    optimizer=lambda p: torch.optim.SGD(p, lr=0.1), trajectories=1)  # fmt: skip
    run = training.record(recipe, probes=Probes(every=2, samples=SAMPLES), progress=False)
    found = measure(run)

    assert run.attrs["gradient_path"] == "in place"
    assert np.isfinite(found["C_alpha"]).all()
    assert np.isfinite(found["lambda_max"]).all()
    assert np.isfinite(found["C_star"]).all()
    # λ_min is the lowest value met, with its residual, by which the literal λ_max is left open or told.
    assert (found["lambda_min"] < found["lambda_max"]).all()
    open_ones = found["lambda_min_flags"].str.contains("not_converged")
    assert (open_ones | np.isfinite(found["lambda_max_literal"])).all()
    with pytest.raises(RunError, match="too many to be held together"):
        training.record(recipe, probes=Probes(every=2, samples=SAMPLES, exact=True), progress=False)


@pytest.mark.usefixtures("everything_is_large")
def test_formulas_of_a_step_with_momentum_say_that_gradients_were_read_one_by_one():
    recipe = Recipe(network(torch.float32), nn.CrossEntropyLoss(), (X.float(), Y), None, steps=2,
                    batch_size=8,
                    optimizer=lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), trajectories=1)  # fmt: skip
    found = measure(training.record(recipe, probes=Probes(every=2, samples=SAMPLES), progress=False))

    assert np.isnan(found["C_star"]).all()
    for name in ("C_star", "lyapunov_drift"):
        flags = found[f"{name}_flags"].values.astype(str)
        assert all("gradients_one_by_one" in f and "no_preconditioner" not in f for f in flags.ravel())
