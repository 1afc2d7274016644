"""The steps of one seed."""

import numpy as np
import pytest
import torch

from sdesim.training import mlp, network_surface, record
from tests.training.recorded import DIGITS, PROBES, sgd, train


def test_full_batch_descent_is_the_map_of_the_surface():
    network = mlp([64, 8, 10], seed=0)
    run = train(network=network, batch_size=None)
    surface = network_surface(network, DIGITS.x_train, DIGITS.y_train, "cross_entropy")

    theta = surface.start.copy()
    for step in range(8):
        np.testing.assert_allclose(run.theta.values[0, step], theta, atol=1e-12)
        np.testing.assert_allclose(run.loss.values[0, step], surface.loss(theta), rtol=1e-12)
        theta = theta - 0.1 * surface.grad(theta)


def test_probing_does_not_change_the_training():
    assert train().theta.values.tobytes() == train(probes=PROBES).theta.values.tobytes()


def test_a_schedule_sets_the_time_and_the_learning_rate():
    run = train(scheduler=lambda o: torch.optim.lr_scheduler.StepLR(o, 4, gamma=0.5))

    np.testing.assert_allclose(run.learning_rate.values[0], [0.1] * 4 + [0.05] * 4 + [0.025])
    np.testing.assert_allclose(run.time.values[-1], 0.6)


def test_weights_beyond_the_bound_of_simulations_end_a_seed_though_its_loss_is_a_number():
    line = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(line.weight)
    x = torch.ones(4, 1, dtype=torch.float64)

    # Each step adds 3e99: the fourth is the first beyond 1e100.
    with pytest.warns(UserWarning, match=r"a weight has reached 1e\+100 at step 4"):
        run = record(line, lambda out, y: -out.mean(), (x, x), None, sgd(3e99), steps=8, batch_size=None,
                     save_every=1)  # fmt: skip

    assert run.status.values.tolist() == [1]
    assert run.stopped_step.values.tolist() == [4]
    assert np.isnan(run.loss.values[0, 4:]).all()


def test_a_diverging_seed_is_flagged_and_leaves_the_others_alone():
    network = mlp([64, 8, 10], "quadratic", seed=0)
    run = train(network=network, optimizer=sgd(1e3), probes=PROBES, trajectories=2)

    assert (run.status.values == 1).all()
    assert np.isnan(run.loss.values[:, -1]).all()
    assert np.isfinite(run.loss.values[:, 0]).all()
