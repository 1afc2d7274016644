"""A round of federated averaging is what it says, and clients are measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sdesim
from sdesim.data import partition
from sdesim.estimators import combine_moments, consolidation_ratio, gradient_moments
from sdesim.runs import measure
from sdesim.runs.attributes import mapped
from sdesim.runs.price import SHARE, paid_for
from sdesim.training import Clients, TorchOracle, mlp, record
from sdesim.training.data.examples import read_examples
from sdesim.training.loop.budget import reading_price
from sdesim.training.loop.one_seed import isolated_torch
from tests.training.federated import BATCH, DATA, FOUR, LOSS, RATE, train


@pytest.fixture(scope="module")
def run():
    return train(sampling="sequential")


def rows_of(trajectory, clients=FOUR):
    rng = np.random.default_rng([5, trajectory, 4])
    return partition(DATA.y_train, clients.count, clients.concentration, BATCH, rng)


def gradient(theta, rows):
    """Of the mean loss of some examples, by torch's own backward."""
    net = mlp([64, 6, 10], seed=2)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(theta), net.parameters())
    LOSS(net(torch.from_numpy(DATA.x_train[rows])), torch.from_numpy(DATA.y_train[rows])).backward()
    return np.concatenate([p.grad.numpy().ravel() for p in net.parameters()])


def changes(theta, rows, first):
    """What each client moves in a round of three steps, its examples in turn from its step `first` on."""
    found = []
    with isolated_torch():
        for own in rows:
            mine, per_epoch = theta.copy(), len(own) // BATCH
            for step in range(first, first + 3):
                at = step % per_epoch * BATCH
                mine -= RATE * gradient(mine, own[at : at + BATCH])
            found.append(mine - theta)
    return np.stack(found)


def test_a_round_moves_the_weights_by_the_mean_of_the_clients_changes_weighted_by_examples(run):
    for trajectory in range(2):
        rows, theta = rows_of(trajectory), run.theta.values[trajectory, 0]
        counts = np.array([len(r) for r in rows])
        np.testing.assert_array_equal(run.client_examples.values[trajectory], counts)
        for k in range(6):
            theta = theta + counts @ changes(theta, rows, 3 * k) / counts.sum()
            # Double precision; rounding is amplified by less than tenfold in 18 steps.
            np.testing.assert_allclose(run.theta.values[trajectory, k + 1], theta, rtol=0, atol=1e-12)


def test_c_of_the_clients_is_the_estimators_c_of_their_changes_in_the_round_that_begins(run):
    measured = measure(run)
    for at, k in enumerate(range(0, 7, 2)):
        # At the last step too, for the round that would follow.
        u = changes(run.theta.values[1, k], rows_of(1), 3 * k)
        found = consolidation_ratio(u)

        for name, value in (("", found.value), ("_low", found.low), ("_high", found.high)):
            assert float(measured[f"C_clients{name}"][1, at]) == pytest.approx(value, rel=1e-9)
        assert "too_few_samples" in str(measured.C_clients_flags.values[1, at])


def test_merged_moments_are_those_of_all_examples_and_the_clients_own_are_averaged(run):
    measured = measure(run)
    theta = run.theta.values[0, 4]
    oracle = TorchOracle(mlp([64, 6, 10]), LOSS, *map(torch.from_numpy, (DATA.x_train, DATA.y_train)), 1)
    g = oracle.gradients_of(theta, torch.arange(200)[:, None], np.random.default_rng(0))

    def ratio(some):
        return np.sum(some.mean(axis=0) ** 2) / some.var(axis=0).sum()

    rows = rows_of(0)
    merged = combine_moments([gradient_moments(g[r]) for r in rows])
    assert float(run.merged_noise[0, 2]) == pytest.approx(merged.squared_deviation / 200, rel=1e-9)
    assert float(measured.C_1_merged[0, 2]) == pytest.approx(ratio(g), rel=1e-9)
    assert float(measured.C_1_client_mean[0, 2]) == pytest.approx(
        np.mean([ratio(g[r]) for r in rows]), rel=1e-9
    )


def test_probes_change_nothing_and_time_runs_by_local_steps(run):
    plain = train(sampling="sequential", probes=None)

    np.testing.assert_array_equal(plain.theta.values, run.theta.values)
    np.testing.assert_allclose(run.time.values, RATE * 3 * np.arange(7))
    np.testing.assert_allclose(run.probe_time.values, RATE * 3 * np.arange(0, 7, 2))
    # Of 20 minibatches to an epoch, a round takes 12.
    np.testing.assert_allclose(run.epoch.values, 12 / 20 * np.arange(7))
    assert mapped(run.attrs, "clients") == {"count": 4, "local_steps": 3, "concentration": 0.3}


@pytest.mark.parametrize("sampling", ["epoch", "with-replacement"])
def test_an_interrupted_run_goes_on_with_the_same_bits_and_seeds_differ(tmp_path, sampling):
    whole = train(sampling=sampling)

    class Cut(Exception):
        pass

    def stop(done, total):
        if done in (4, 9):
            raise Cut

    for _ in range(2):
        with pytest.raises(Cut):
            train(sampling=sampling, out=tmp_path / "a.zarr", resume=True, checkpoint_every=1, progress=stop)
    resumed = train(sampling=sampling, out=tmp_path / "a.zarr", resume=True, checkpoint_every=1)

    for name in whole.data_vars:
        np.testing.assert_array_equal(whole[name].values, resumed[name].values, err_msg=name)
    # Who has which examples is drawn for each trajectory.
    assert not np.array_equal(whole.client_examples.values[0], whole.client_examples.values[1])


def test_a_client_whose_loss_explodes_ends_the_seed():
    # Two layers of weights of 1e160 multiply to infinity.
    with pytest.warns(UserWarning, match="minibatch loss of a client is"):
        lost = record(
            mlp([64, 6, 10], "relu"), LOSS, DATA, None, lambda p: torch.optim.SGD(p, lr=1e160), steps=3,
            batch_size=BATCH, clients=Clients(2, 2, 1.0), progress=False,
        )  # fmt: skip

    assert int(lost.status[0]) == 1


def test_probes_without_an_interval_reckon_with_what_a_round_costs():
    data = read_examples((DATA.x_train, DATA.y_train), "train", torch.float64)

    def every(minibatches, examples):
        probes = sdesim.Probes(estimators=("gradient",))
        price = reading_price(
            probes, mlp([64, 6, 10]), LOSS, data, batch_size=BATCH, probed_batch=BATCH,
            preconditioned=False, minibatches=minibatches, examples_probed=examples,
        )  # fmt: skip
        return paid_for(probes, price, 10_000, SHARE).every

    # Sixteen times the minibatches pay for sixteen times the probes; those of all examples cost more.
    assert every(1, 0) == pytest.approx(16 * every(16, 0), rel=0.05)
    assert every(16, 200) > every(16, 0)
