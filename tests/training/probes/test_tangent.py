"""Tangent vectors of real training: exact on quadratics, the surface's own elsewhere, no trace in θ."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.runs import projection_directions
from sdesim.training import mlp, network_surface, record
from sdesim.training.probes.tangent import Tangent

DIGITS = data.digits(40, 20, seed=0)


def half_square(output, y):
    return 0.5 * ((output - y) ** 2).sum(dim=1).mean()


def linear(weights):
    module = nn.Linear(len(weights), 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        module.weight[:] = torch.as_tensor(weights)
    return module


def probes(every):
    return sdesim.Probes(every=every, estimators=(), tangent=True)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weight_decay": 0.3},
        {"momentum": 0.7},
        {"momentum": 0.7, "dampening": 0.4, "weight_decay": 0.3},
        {"momentum": 0.7, "nesterov": True},
        {"maximize": True},
    ],
)
def test_where_the_step_is_linear_the_tangent_grows_as_weights_and_buffer_do(settings):
    rng = np.random.default_rng(1)
    direction = projection_directions(3)[0]
    module = linear(0.1 * direction)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.2, **settings)
    tangent = Tangent(module, optimizer, direction)
    total = 0.0

    for step in range(30):
        x, y = torch.from_numpy(rng.standard_normal((2, 3))), torch.zeros(2, 1)
        tangent.step(half_square, x, y)
        optimizer.zero_grad()
        half_square(module(x), y).backward()
        optimizer.step()
        total += tangent.growth() if step % 7 == 0 else 0.0
    total += tangent.growth()

    square = float((module.weight.detach() ** 2).sum())
    if "momentum" in settings:
        square += float((optimizer.state[module.weight]["momentum_buffer"] ** 2).sum())
    assert total == pytest.approx(0.5 * math.log(square / 0.01), abs=1e-10)


def test_gt21_exponent_of_full_batch_descent_is_that_of_the_steepest_direction():
    eigenvalues = np.array([0.1, 1.0, 2.3])
    x = np.diag(np.sqrt(3 * eigenvalues))
    run = record(
        linear(np.zeros(3)), half_square, (x, np.zeros((3, 1))), None,
        lambda p: torch.optim.SGD(p, lr=0.9), steps=400, probes=probes(200), progress=False,
    )  # fmt: skip

    assert run.tangent_growth.values[0, 2] / 200 == pytest.approx(0.06765865, abs=1e-8)
    exponent = sdesim.measure(run)["lyapunov_exponent"]
    assert exponent.values[0, 2] == pytest.approx(0.06765865 / 0.9, abs=1e-8)
    assert "additive_only" not in str(sdesim.measure(run)["lyapunov_exponent_flags"].values[0, 2])


def test_gt21_single_example_sgd_converges_along_paths_though_its_second_moment_doubles():
    a = np.random.default_rng(2).standard_normal((300, 1))
    run = record(
        linear([1.0]), half_square, (a, np.zeros((300, 1))), None, lambda p: torch.optim.SGD(p, lr=1.0),
        steps=400, batch_size=1, trajectories=3, sampling="with-replacement", probes=probes(400),
        progress=False,
    )  # fmt: skip

    growth = run.tangent_growth.values[:, 1]
    np.testing.assert_allclose(growth, np.log(np.abs(run.theta.values[:, -1, 0])), rtol=1e-9)
    logs = np.log(np.abs(1 - a**2))
    # E over these examples (−0.41699 over the Gaussian), 5 standard errors.
    assert abs(growth.mean() / 400 - logs.mean()) < 5 * logs.std() / math.sqrt(3 * 400)


def test_the_tangent_of_a_network_is_the_map_of_its_surface():
    network = mlp([64, 4, 10], seed=0)
    run = record(
        network, cross_entropy, DIGITS, None, lambda p: torch.optim.SGD(p, lr=0.3), steps=12,
        probes=probes(6), save_every=1, progress=False,
    )  # fmt: skip
    surface = network_surface(network, DIGITS.x_train, DIGITS.y_train, "cross_entropy")

    u = projection_directions(surface.dim)[0]
    sizes = []
    for step in range(12):
        u = u - 0.3 * surface.hvp(run.theta.values[0, step], u)
        sizes.append(np.linalg.norm(u))
    expected = [math.log(sizes[5]), math.log(sizes[11] / sizes[5])]
    np.testing.assert_allclose(run.tangent_growth.values[0, 1:], expected, atol=1e-9)
    assert np.isnan(run.tangent_growth.values[0, 0])


def test_following_a_tangent_changes_no_bit_of_a_training_with_dropout_and_normalisation():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(64, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 10))
    network[0].bias.requires_grad_(False)

    def trained(**changes):
        return record(
            network, cross_entropy, DIGITS, None, lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
            steps=6, batch_size=10, progress=False, **changes,
        )  # fmt: skip

    with_it = trained(probes=probes(3))

    assert with_it.theta.values.tobytes() == trained().theta.values.tobytes()
    assert np.isfinite(with_it.tangent_growth.values[0, 1:]).all()


def test_another_optimizer_is_refused_before_training():
    with pytest.raises(RunError, match=r"needs torch.optim.SGD, it can't follow Adam"):
        record(
            mlp([64, 4, 10], seed=0), cross_entropy, DIGITS, None, torch.optim.Adam, steps=2,
            probes=probes(1), progress=False,
        )  # fmt: skip
