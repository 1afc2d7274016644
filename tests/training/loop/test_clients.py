"""Federated averaging: a round is what it says, clients are measured, and it resumes to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import sdesim
from sdesim.errors import RunError, ScenarioError, SdesimError
from sdesim.scenario import parse_scenario
from sdesim.scenario.expectations import _given_step
from sdesim.training import Clients, mlp, record, twin
from tests.training.federated import DATA, LOSS, sgd, train


@pytest.fixture(scope="module")
def run():
    return train(sampling="sequential")


def test_a_run_of_other_clients_is_not_taken_for_the_same(tmp_path):
    train(out=tmp_path / "a.zarr", steps=1)

    with pytest.raises(RunError, match="other arguments"):
        train(Clients(4, 3, 0.2), out=tmp_path / "a.zarr", steps=1, resume=True)


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
