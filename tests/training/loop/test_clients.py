"""Federated averaging: a round is what it says, clients are measured, and it resumes to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sdesim
from sdesim.data import digits, partition
from sdesim.errors import RunError, ScenarioError, SdesimError
from sdesim.estimators import combine_moments, consolidation_ratio, gradient_moments
from sdesim.runs import measure
from sdesim.scenario import parse_scenario
from sdesim.scenario.expectations import _given_step
from sdesim.training import Clients, TorchOracle, mlp, record, twin
from sdesim.training.data.examples import read_examples
from sdesim.training.loop.budget import affordable
from sdesim.training.loop.one_seed import isolated_torch

DATA = digits(200, 60, seed=1)
LOSS = torch.nn.functional.cross_entropy
RATE, BATCH = 0.2, 10
FOUR = Clients(4, 3, 0.3)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=RATE)


def train(clients=FOUR, optimizer=sgd, **more):
    settings = {
        "steps": 6, "batch_size": BATCH, "seed": 5, "trajectories": 2, "save_every": 1, "progress": False,
        "probes": sdesim.Probes(every=2, samples=8, estimators=("gradient",)), "clients": clients,
    }  # fmt: skip
    return record(mlp([64, 6, 10], seed=2), LOSS, DATA, None, optimizer, **(settings | more))


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


@pytest.mark.parametrize("concentration", [1e-3, 0.1, 1.0, 1e6])
def test_every_example_belongs_to_one_client_and_every_client_has_enough(concentration):
    y = digits(1000, 0, 0).y_train

    clients = partition(y, 8, concentration, 16, np.random.default_rng(0))

    assert sorted(np.concatenate(clients)) == list(range(1000))
    assert min(map(len, clients)) >= 16
    largest = [np.bincount(y[rows], minlength=10).max() / len(rows) for rows in clients]
    # Evenly shared, a class is a tenth of every client, of 125 examples; unevenly, a client has few classes.
    assert (np.mean(largest) < 0.2) == (concentration > 1)


@pytest.mark.parametrize("wrong", [(0, 1.0, 1), (2, 0.0, 1), (2, np.inf, 1), (2, 1.0, 0), (11, 1.0, 1)])
def test_a_partition_that_can_not_be_is_refused(wrong):
    clients, concentration, least = wrong
    with pytest.raises(SdesimError, match=r"must be at least 1|need more than 10"):
        partition(np.zeros(10), clients, concentration, least, np.random.default_rng(0))


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
    assert run.attrs["clients"] == {"count": 4, "local_steps": 3, "concentration": 0.3}


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


def test_a_run_of_other_clients_is_not_taken_for_the_same(tmp_path):
    train(out=tmp_path / "a.zarr", steps=1)

    with pytest.raises(RunError, match="other arguments"):
        train(Clients(4, 3, 0.2), out=tmp_path / "a.zarr", steps=1, resume=True)


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
        found = affordable(
            probes, mlp([64, 6, 10]), LOSS, data, steps=10_000, batch_size=BATCH, probed_batch=BATCH,
            preconditioned=False, minibatches=minibatches, examples_probed=examples,
        )  # fmt: skip
        return found.every

    # Sixteen times the minibatches pay for sixteen times the probes; those of all examples cost more.
    assert every(1, 0) == pytest.approx(16 * every(16, 0), rel=0.05)
    assert every(16, 200) > every(16, 0)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"optimizer": lambda p: torch.optim.Adam(p, lr=0.1)},
            "clients need plain torch.optim.SGD, got Adam",
        ),
        ({"optimizer": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)}, "lr alone, got momentum"),
        ({"scheduler": lambda o: torch.optim.lr_scheduler.StepLR(o, 2)}, "do not go with a scheduler"),
        ({"weights": "balanced"}, "do not go with weights"),
        ({"amplify": 2, "sampling": "with-replacement"}, "do not go with amplify"),
        ({"augment": lambda x, generator: x + torch.randn(x.shape, generator=generator)}, "differ at each"),
        ({"mask": np.arange(460) > 3}, "do not go with a mask"),
        ({"probes": sdesim.Probes(every=2, tangent=True)}, "do not go with probes with tangent"),
        ({"batch_size": None}, "clients need a batch_size"),
        ({"clients": Clients(4, 1, 1.0), "batch_size": 51}, "4 with at least 51 examples each need 204"),
    ],
)
def test_what_does_not_go_with_clients_is_refused(more, said):
    with pytest.raises(RunError, match=said):
        train(**more)


def test_buffers_targets_and_settings_out_of_range_are_refused():
    net = torch.nn.Sequential(torch.nn.Linear(64, 10), torch.nn.BatchNorm1d(10)).double()
    given = {"steps": 1, "batch_size": 10, "clients": Clients(2, 1, 1.0), "progress": False}

    with pytest.raises(RunError, match=r"without buffers.*1\.running_mean"):
        record(net, LOSS, DATA, None, sgd, **given)
    with pytest.raises(RunError, match="by class labels"):
        record(
            mlp([64, 6, 10]),
            torch.nn.functional.mse_loss,
            (DATA.x_train, np.zeros((200, 10))),
            None,
            sgd,
            **given,
        )
    for wrong in ((1, 1, 1.0), (2, 0, 1.0), (2, 1, 0.0), (2, 1, float("nan"))):
        with pytest.raises(SdesimError, match=r"found .*, allowed: a"):
            Clients(*wrong)


def test_there_is_no_twin_of_clients(run):
    with pytest.raises(RunError, match="a run of clients has no twin"):
        twin(run, mlp([64, 6, 10], seed=2), LOSS, DATA)


ARM = """
name: shared
arms:
  net:
    train:
      data: {data}
      network: {{kind: mlp, widths: [64, 4, 10]}}
      optimizer: {optimizer}
      clients: {clients}
      steps: 5
      {more}
  plain:
    train:
      data: {{kind: digits, train: 40, test: 20}}
      network: {{kind: mlp, widths: [64, 4, 10]}}
      optimizer: {{kind: sgd, lr: 0.1}}
      steps: 5
{end}
probes: {{every: 1, estimators: [gradient]}}
"""


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"optimizer": "{kind: adam, lr: 0.1, batch_size: 10}"},
            "found 'adam', allowed: sgd, beside clients",
        ),
        (
            {"optimizer": "{kind: sgd, lr: 0.1, batch_size: 10, momentum: 0.9}"},
            "optimizer.momentum: clients need",
        ),
        ({"optimizer": "{kind: sgd, lr: 0.1}"}, "clients need batch_size"),
        ({"more": "schedule: cosine"}, "clients need a constant learning rate"),
        ({"more": "amplify: 2\n      sampling: with-replacement"}, "clients do not go with amplify"),
        ({"more": "weights: balanced"}, "clients do not go with weights"),
        ({"more": "prune: {rule: random, sparsity: 0.5}"}, "clients do not go with prune"),
        (
            {"clients": "{count: 5, local_steps: 2, concentration: 1}"},
            "clients.count: found 5, allowed: 2 to 4",
        ),
        ({"clients": "{count: 1, local_steps: 2, concentration: 1}"}, "of at least 2"),
        ({"clients": "{count: 2, local_steps: 2, concentration: 0}"}, "above 0"),
        ({"clients": "{count: 2, concentration: 1}"}, "local_steps"),
        (
            {"end": "  sde: {simulate: {twin_of: net, noise: [{kind: minibatch}]}}"},
            "twin_of: a run of clients has no twin",
        ),
        (
            {"end": "expect: [{arm: plain, quantity: C_clients, above: 0}]"},
            "needs an arm that trains clients",
        ),
        (
            {"end": "expect: [{arm: plain, quantity: C_1, over: C_clients, above: 0}]"},
            "over: C_clients needs",
        ),
        (
            {"end": "expect: [{arm: net, quantity: loss, over: C_1, above: 0}]"},
            "quantity: found 'loss', beside over",
        ),
        ({"end": "expect: [{arm: net, quantity: gain_rank.C, above: 0}]"}, "found 'gain_rank.C'"),
        (
            {"end": "expect: [{arm: net, quantity: gain_rank.S, above: 0}]"},
            "needs probes of net with estimators",
        ),
    ],
)
def test_a_scenario_whose_clients_do_not_fit_is_refused_in_its_words(changed, said):
    parts = {
        "data": "{kind: digits, train: 40, test: 20}", "optimizer": "{kind: sgd, lr: 0.1, batch_size: 10}",
        "clients": "{count: 2, local_steps: 2, concentration: 1}", "more": "", "end": "",
    }  # fmt: skip
    parse_scenario(ARM.format(**parts))

    with pytest.raises(ScenarioError) as refused:
        parse_scenario(ARM.format(**(parts | changed)))

    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_rank_correlation_given_the_step_leaves_out_what_both_owe_to_it():
    rng = np.random.default_rng(0)
    trend, noise, shared = np.linspace(0, 1, 400), rng.standard_normal((2, 400)), rng.standard_normal(400)

    alone = _given_step(trend + 0.05 * noise[0], trend + 0.05 * noise[1])
    together = _given_step(trend + 0.05 * (shared + 0.1 * noise[0]), trend + 0.05 * (shared + 0.1 * noise[1]))

    # The standard error is 1/√400 = 0.05, five are 0.25; without the step regressed out both are above 0.95.
    assert abs(alone) < 0.25
    assert together > 0.9
    assert np.isnan(_given_step(trend[:4], trend[:4]))
