"""What the order of the examples makes of noise and drift, against sums over every possible batch."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler, TensorDataset

import sdesim
from sdesim.runs import Probes
from sdesim.runs.measures.sampling import batch_of_steps, batch_sizes, replacement_factor
from sdesim.training import Monitor, record

RNG = np.random.default_rng(3)
X, Y = torch.as_tensor(RNG.standard_normal((8, 3))), torch.as_tensor(RNG.standard_normal((8, 1)))
PAIRS = TensorDataset(X, Y)
ETA = 0.3


def network():
    net = nn.Linear(3, 1, bias=False).double()
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.5, -0.2, 0.1]]))
    return net


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=ETA)


def gradient(theta, rows):
    x, y = X.numpy()[rows], Y.numpy()[rows, 0]
    return 2 * x.T @ (x @ theta - y) / len(rows)


def loss(theta):
    return float(((X.numpy() @ theta - Y.numpy()[:, 0]) ** 2).mean())


def test_noise_of_a_batch_out_of_an_epoch_is_that_over_all_its_batches():
    theta, attrs = np.array([0.5, -0.2, 0.1]), {"dataset_size": 8, "batch_size": 3, "sampling": "epoch"}
    mean = gradient(theta, list(range(8)))
    single = np.mean([((gradient(theta, [i]) - mean) ** 2).sum() for i in range(8)])

    def over_all(size):
        return np.mean(
            [((gradient(theta, list(rows)) - mean) ** 2).sum() for rows in combinations(range(8), size)]
        )

    whole, mixed = over_all(3), (2 * over_all(3) + over_all(2)) / 3
    with_last = attrs | {"last_batch": 2}

    assert single / 3 * replacement_factor(attrs) == pytest.approx(whole)
    assert single / batch_of_steps(with_last) * replacement_factor(with_last) == pytest.approx(mixed)
    assert batch_sizes(with_last) == ((3.0, pytest.approx(2 / 3)), (2.0, pytest.approx(1 / 3)))
    assert replacement_factor(attrs | {"sampling": "with-replacement"}) == 1.0


def test_a_monitor_reads_the_noise_of_a_loader_with_a_smaller_last_batch():
    net = network()
    theta = net.weight.detach().numpy()[0].astype(float)
    mean = gradient(theta, list(range(8)))
    single = np.mean([((gradient(theta, [i]) - mean) ** 2).sum() for i in range(8)])
    loader = DataLoader(PAIRS, batch_size=6, shuffle=True)

    m = Monitor(net, nn.MSELoss(), loader, learning_rate=ETA, samples=4000, announce=None).measure()

    # Batches of 6 and 2: mean of 1/b is 1/3. 4,000 draws of a squared norm: 1.6% each sigma at most.
    assert m.noise == pytest.approx(single / 3, rel=0.1)
    assert "smaller_last_batch" in m.flags
    # Of 8 examples, 6 and 2 without replacement have much less noise than independent draws.
    assert "reshuffled" in m.C_alpha.flags


@pytest.mark.parametrize(
    ("sampler", "flag", "last"),
    [
        (SequentialSampler(PAIRS), "sequential", 2),
        (RandomSampler(PAIRS), "reshuffled", 2),
        (RandomSampler(PAIRS, num_samples=5), "reshuffled", 2),
        (RandomSampler(PAIRS, replacement=True, num_samples=10), None, 1),
    ],
)
def test_a_monitor_knows_the_order_of_its_loader(sampler, flag, last):
    loader = DataLoader(PAIRS, batch_size=3, sampler=sampler)
    monitor = Monitor(network(), nn.MSELoss(), loader, learning_rate=ETA, samples=4, announce=None)

    flags = set(monitor.measure().C_star.flags)

    assert flags & {"sequential", "reshuffled", "sampling_unknown"} == ({flag} if flag else set())
    assert monitor.run().attrs["last_batch"] == last


def test_a_monitor_without_a_loader_says_that_it_does_not_know_how_batches_are_drawn():
    monitor = Monitor(network(), nn.MSELoss(), (X, Y), batch_size=3, learning_rate=ETA, announce=None)

    assert "sampling_unknown" in monitor.measure().C_star.flags


def recorded(sampling, every=1):
    return record(
        network(), nn.MSELoss(), (X, Y), None, sgd, steps=4, batch_size=2, seed=5, sampling=sampling,
        save_every=1, probes=Probes(every=every, samples=6), progress=False,
    )  # fmt: skip


def test_the_drift_over_the_unseen_is_the_mean_over_every_batch_that_may_come_next():
    run = recorded("epoch")
    theta, unseen = run.theta.values[0], list(range(8))
    hessian = 2 * X.numpy().T @ X.numpy() / 8

    for k in range(4):
        # The batch that came, among those of two unseen examples.
        step = theta[k] - theta[k + 1]
        truth = np.mean(
            [
                loss(theta[k] - ETA * gradient(theta[k], list(b))) - loss(theta[k])
                for b in combinations(unseen, 2)
            ]
        )
        n = len(unseen)
        g = np.array([gradient(theta[k], [i]) for i in unseen])
        left = g.mean(0)
        traced = np.mean([(v - left) @ hessian @ (v - left) for v in g])
        at = {name: float(run[name].values[0, k]) for name in run.data_vars if run[name].dims[-1] == "probe"}
        spread = 0.0 if n < 2 else traced * (n - 2) / (n - 1) / 2
        formula = -at["unseen_signal"] + ETA / 2 * (at["unseen_bend"] + spread)

        # Exact on a quadratic.
        assert ETA * formula == pytest.approx(truth, rel=1e-9, abs=1e-12)
        assert at["unseen_examples"] == n
        assert at["unseen_factor"] == pytest.approx((n - 2) / (n - 1))
        (came,) = (b for b in combinations(unseen, 2) if np.allclose(ETA * gradient(theta[k], list(b)), step))
        unseen = [i for i in unseen if i not in came]


def test_the_effect_of_reshuffling_is_the_difference_of_the_two_laws():
    run = recorded("epoch")
    measured = sdesim.measure(run)
    names = ("whole_signal", "whole_bend", "exact_hessian_noise", "step_size")
    signal, bend, noise, eta = (run[name].values for name in names)

    plain = -signal + eta / 2 * (bend + noise)

    np.testing.assert_allclose(measured.reshuffling_effect, measured.unseen_drift - plain, rtol=1e-9)
    # In the last step of an epoch there is no choice left: no noise, no interval.
    last = measured.isel(probe=3)
    assert float(last.unseen_drift_low[0]) == float(last.unseen_drift[0]) == float(last.unseen_drift_high[0])


def test_the_effect_in_a_monitor_is_bounded_and_none_with_replacement():
    loader = DataLoader(PAIRS, batch_size=2, shuffle=True)
    drawn = DataLoader(PAIRS, batch_size=2, sampler=RandomSampler(PAIRS, replacement=True))
    found = [
        Monitor(network(), nn.MSELoss(), given, learning_rate=ETA, samples=8, announce=None).measure()
        for given in (loader, drawn)
    ]

    effect = found[0].reshuffling_effect
    assert effect.value == effect.low < effect.high == 0.0
    assert found[1].reshuffling_effect is None
    assert "reshuffling_effect" not in sdesim.measure(recorded("with-replacement", every=4))


def test_in_turn_the_next_batch_is_known():
    run = recorded("sequential", every=4)

    rows = [0, 1]
    mean = gradient(run.theta.values[0, 0], list(range(8)))
    assert float(run.unseen_factor[0, 0]) == 0.0
    assert float(run.unseen_signal[0, 0]) == pytest.approx(gradient(run.theta.values[0, 0], rows) @ mean)
