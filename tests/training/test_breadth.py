"""Networks, optimizers, schedules and data of every kind are recorded; what can't be is refused in a line."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import sdesim
from sdesim.runs import validate_run
from sdesim.runs.attributes import mapped
from sdesim.training import mlp
from tests.training.breadth import OPTIM, SCHEDULES, X, sgd, train


class Words(nn.Module):
    def __init__(self, sparse=False):
        super().__init__()
        self.words, self.norm, self.out = (
            nn.Embedding(17, 6, sparse=sparse),
            nn.LayerNorm(6),
            nn.Linear(6, 10),
        )

    def forward(self, x):
        return self.out(self.norm(self.words((16 * x).round().long().clamp(0, 16)).mean(dim=1)))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 64)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


def frozen():
    network = mlp([64, 8, 10], seed=0)
    network[0].weight.requires_grad_(False)
    return network


NETWORKS = {
    "convolution, batch norm, dropout": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)), nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.2),
        nn.Flatten(), nn.Linear(108, 10),
    ),
    "embedding, layer norm": Words,
    "frozen": frozen,
    "recurrent": lambda: nn.Sequential(nn.Unflatten(1, (8, 8)), nn.RNN(8, 10, batch_first=True), Last()),
}  # fmt: skip


class Last(nn.Module):
    def forward(self, pair):
        return pair[0][:, -1]


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network_is_recorded_probed_and_measured(name):
    torch.manual_seed(0)
    network = NETWORKS[name]().double()
    before = {k: v.clone() for k, v in network.state_dict().items()}

    run = train(network=network, probes=sdesim.Probes(every=4, samples=6))

    validate_run(run)
    measured = sdesim.measure(run)
    for quantity in ("C_alpha", "lambda_max", "S"):
        assert np.isfinite(measured[quantity].values).all(), quantity
    assert run.loss.values[0, -1] < run.loss.values[0, 0]
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())


def test_frozen_parameters_stay_and_tied_ones_count_once():
    run = train(network=frozen())
    torch.manual_seed(0)
    tied = train((X, X), Tied().double(), mse_loss, probes=sdesim.Probes(every=4, samples=6))

    assert (run.theta.values[0, :, : 64 * 8] == run.theta.values[0, 0, : 64 * 8]).all()
    assert (run.theta.values[0, -1, 64 * 8 :] != run.theta.values[0, 0, 64 * 8 :]).any()
    assert tied.sizes["param"] == 64 * 64 + 2 * 64
    assert np.isfinite(tied.lambda_max.values).all()


def test_sparse_gradients_are_recorded():
    network = Words(sparse=True).double()

    run = train(
        network=network, optimizer=lambda p: OPTIM.SGD(p, lr=0.1), probes=sdesim.Probes(every=4, samples=6)
    )

    assert np.isfinite(run.lambda_max.values).all()


SCHEDULERS = {
    "cosine": lambda o: SCHEDULES.CosineAnnealingLR(o, 8),
    "one cycle": lambda o: SCHEDULES.OneCycleLR(o, 0.2, total_steps=8),
    "lambda": lambda o: SCHEDULES.LambdaLR(o, lambda step: 1 / (1 + step)),
    "chain": lambda o: SCHEDULES.ChainedScheduler(
        [SCHEDULES.ConstantLR(o, 0.5, 3), SCHEDULES.ExponentialLR(o, 0.9)]
    ),
    "warm restarts": lambda o: SCHEDULES.CosineAnnealingWarmRestarts(o, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_schedule_is_stepped_after_each_optimizer_step(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        run = train(scheduler=SCHEDULERS[name])
        optimizer = sgd([nn.Parameter(torch.zeros(1))])
        schedule, rates = SCHEDULERS[name](optimizer), []
        for step in range(9):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step < 8:
                schedule.step()

    np.testing.assert_allclose(run.learning_rate.values[0], rates)
    np.testing.assert_allclose(run.time.values[-1], sum(rates[:-1]))


def test_a_plateau_is_seen_in_the_training_loss_and_each_seed_has_its_own_time(tmp_path):
    def plateau(optimizer):
        return SCHEDULES.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.05)

    settings = {
        "scheduler": plateau, "trajectories": 2, "steps": 30, "probes": sdesim.Probes(every=10, samples=4)
    }  # fmt: skip
    run, stored = train(**settings), train(**settings, out=tmp_path / "a.zarr")

    rates = run.learning_rate.values
    assert set(np.unique(rates[:, 1:] / rates[:, :-1])) == {0.5, 1.0}
    assert run.time.dims == ("trajectory", "step")
    np.testing.assert_allclose(run.time.values[:, 1:], np.cumsum(rates[:, :-1], axis=1))
    np.testing.assert_allclose(run.probe_time.values, run.time.values[:, ::10])
    np.testing.assert_allclose(run.step_size.values, rates[:, ::10])
    assert run.time.values[0, -1] != run.time.values[1, -1]
    assert stored.time.values.tobytes() == run.time.values.tobytes()
    assert np.isfinite(sdesim.measure(stored).C_alpha.values).all()


def test_a_lost_seed_says_at_which_step_and_loss_and_what_may_help():
    def explode(output, y):
        return (output**4).mean() + cross_entropy(output, y)

    with pytest.warns(UserWarning, match="trajectory 0: the .* is .* at step"):
        run = train(loss=explode, optimizer=lambda p: OPTIM.SGD(p, lr=1e3), save_every=4)

    assert run.status.values[0] == 1
    message = mapped(run.attrs, "divergence")["0"]
    assert (
        f"at step {int(run.stopped_step[0])}, and the training ends there; a lower learning rate" in message
    )
    assert any(word in message for word in ("inf", "nan", "finite"))
