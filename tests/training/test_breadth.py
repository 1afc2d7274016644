"""Networks, optimizers, schedules and data of every kind are recorded; what can't be is refused in a line."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.runs import validate_run
from sdesim.training import mlp, record

DIGITS = data.digits(60, 0, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()
PAIRS = TensorDataset(X, Y)
OPTIM, SCHEDULES = torch.optim, torch.optim.lr_scheduler


def sgd(parameters):
    return OPTIM.SGD(parameters, lr=0.1)


def train(train=(X, Y), network=None, loss=cross_entropy, optimizer=sgd, **changes):
    arguments = {"steps": 8, "seed": 3, "save_every": 1, "progress": False}
    if not isinstance(train, DataLoader):
        arguments["batch_size"] = 10
    return record(network or mlp([64, 8, 10], seed=0), loss, train, None, optimizer, **(arguments | changes))


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


OPTIMIZERS = {
    "nesterov": lambda p: OPTIM.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "adam": lambda p: OPTIM.Adam(p, lr=0.01),
    "adamw": lambda p: OPTIM.AdamW(p, lr=0.01),
    "rmsprop": lambda p: OPTIM.RMSprop(p, lr=0.001),
    "adagrad": lambda p: OPTIM.Adagrad(p, lr=0.05),
    "adamax": lambda p: OPTIM.Adamax(p, lr=0.01),
    "groups": lambda p: OPTIM.SGD(
        [{"params": p[:2], "lr": 0.2}, {"params": p[2:], "lr": 0.05, "weight_decay": 0.1}], lr=0.1
    ),
    "lbfgs": lambda p: OPTIM.LBFGS(p, lr=0.1, max_iter=2),
    "nadam": lambda p: OPTIM.NAdam(p, lr=0.01),
}  # fmt: skip
WITHOUT_THRESHOLD = ("lbfgs", "nadam")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optimizer_has_its_own_margin_or_says_that_none_is_known(name):
    run = train(optimizer=OPTIMIZERS[name], probes=sdesim.Probes(every=4, samples=6))
    measured = sdesim.measure(run)

    # Adaptive ones know no preconditioner before their first step.
    margins, flags = measured.S.values[0, 1:], measured.S_flags.values[0, -1]
    if name in WITHOUT_THRESHOLD:
        assert np.isnan(margins).all()
        assert "no_threshold" in flags
    else:
        assert np.isfinite(margins).all()
    assert np.isfinite(measured.lambda_max.values).all()


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


def collate(items):
    return torch.stack([x for x, _ in items]) * 2, torch.tensor([int(y) for _, y in items])


def batches_seen(loader, steps=8, **changes):
    """The batches of training examples that the optimizer steps saw."""
    seen = []

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp([64, 8, 10], seed=0)

        def forward(self, x):
            if self.training and torch.is_grad_enabled():
                seen.append(x.clone())
            return self.body(x)

    train(loader, Watched(), steps=steps, **changes)
    return seen[-steps:]


def rows_of(batch, x=X):
    return [int((x == row).all(dim=1).nonzero()[0, 0]) for row in batch]


def in_turn(batches):
    return [row for batch in batches for row in rows_of(batch)]


def test_a_loader_without_shuffle_is_walked_in_turn_with_its_last_short_batch():
    seen = batches_seen(DataLoader(PAIRS, batch_size=16))

    assert [len(b) for b in seen] == [16, 16, 16, 12] * 2
    assert in_turn(seen[:4]) == list(range(60))


def test_a_shuffled_loader_is_shuffled_by_the_seed_and_drops_what_it_says():
    loader = DataLoader(PAIRS, batch_size=16, shuffle=True, drop_last=True)
    seen = batches_seen(loader)

    epochs = [in_turn(seen[k : k + 3]) for k in (0, 3)]
    assert [len(set(e)) for e in epochs] == [48, 48]
    assert epochs[0] != epochs[1]
    assert all(map(torch.equal, seen, batches_seen(loader)))
    assert not torch.equal(seen[0], batches_seen(loader, seed=4)[0])


def test_a_loader_keeps_its_subset_its_replacement_and_its_collate_function():
    subset = batches_seen(DataLoader(PAIRS, batch_size=5, sampler=SubsetRandomSampler(range(10, 30))))
    drawn = batches_seen(DataLoader(PAIRS, batch_size=30, sampler=RandomSampler(PAIRS, replacement=True)))
    doubled = batches_seen(DataLoader(PAIRS, batch_size=10, collate_fn=collate))

    assert sorted(in_turn(subset[:4])) == list(range(10, 30))
    # 30 draws from 60 are all different with probability 60!/(30! 60^30) < 1e-4, all eight batches < 1e-32.
    assert any(len(set(rows_of(b))) < 30 for b in drawn)
    assert rows_of(doubled[0], 2 * X) == list(range(10))


def test_a_run_from_a_loader_says_its_batch_size_order_and_epochs():
    run = train(DataLoader(PAIRS, batch_size=16, shuffle=True))

    assert (run.attrs["batch_size"], run.attrs["sampling"]) == (16, "epoch")
    assert run.epoch.values[-1] == 2.0


class Stream(IterableDataset):
    def __iter__(self):
        return iter([(X[0], Y[0])])


class Pairless(Dataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return X[i]


DATA = [
    (DataLoader(Stream(), batch_size=2), "train: a DataLoader of an IterableDataset has no fixed examples"),
    (DataLoader(Pairless(), batch_size=2), r"train must give pairs \(x, y\)"),
    (
        DataLoader(PAIRS, batch_size=4, sampler=WeightedRandomSampler(torch.ones(60), 60, replacement=False)),
        "train: WeightedRandomSampler without replacement has no fixed law",
    ),
    (DataLoader(PAIRS, batch_size=64, drop_last=True), "the DataLoader yields no batch: 60 examples at"),
    (
        DataLoader(PAIRS, batch_size=4, sampler=RandomSampler(PAIRS, num_samples=8)),
        "the DataLoader's sampler draws 8 of 60 examples",
    ),
    ((X, Y[:5]), "train: X and y must be equally long"),
    ((X.to("meta"), Y), "train: X is on meta, the module on cpu"),
    ([1, 2, 3], r"train must give pairs \(x, y\)"),
    (42, r"train must be \(X, y\), a torch Dataset with a length, a DataLoader or .*, got int"),
]


@pytest.mark.parametrize(("source", "message"), DATA)
def test_data_without_a_fixed_order_or_examples_is_refused(source, message):
    with pytest.raises(RunError, match=message):
        train(source)


def test_another_batch_size_beside_a_loader_is_refused():
    with pytest.raises(RunError, match="batch_size=8, but the DataLoader has 16: leave batch_size out"):
        train(DataLoader(PAIRS, batch_size=16), batch_size=8)


def meta():
    network = mlp([64, 8, 10], seed=0)
    network[2].to("meta")
    return network


def all_frozen():
    return mlp([64, 8, 10], seed=0).requires_grad_(False)


class Closureless(OPTIM.SGD):
    def step(self, closure=None):
        return super().step()


REFUSED = [
    ({"loss": nn.CrossEntropyLoss(reduction="none")}, r"got a tensor of shape \(10,\): take its mean"),
    ({"loss": lambda out, y: float(out.detach().sum())}, "must return a tensor with one number, got float"),
    ({"loss": lambda out, y: out.detach().sum()}, "the loss does not depend on any parameter"),
    ({"loss": lambda out, y: out.sum() * float("nan")}, "the loss is nan before the first step"),
    ({"network": mlp([63, 8, 10], seed=0)}, "fails on a batch of 10 training examples: mat1 and mat2"),
    ({"network": meta()}, "it is on cpu and meta: call module.cpu"),
    ({"network": all_frozen()}, "every parameter of the module is frozen"),
    ({"optimizer": lambda p: Closureless(p, lr=0.1)}, r"Closureless\.step\(closure\) must call its closure"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_trained_is_refused_in_one_line(changes, message):
    with pytest.raises(RunError, match=message) as caught:
        train(**changes)

    assert "\n" not in str(caught.value)


def test_a_lost_seed_says_at_which_step_and_loss_and_what_may_help():
    def explode(output, y):
        return (output**4).mean() + cross_entropy(output, y)

    with pytest.warns(UserWarning, match="trajectory 0: the .* is .* at step"):
        run = train(loss=explode, optimizer=lambda p: OPTIM.SGD(p, lr=1e3), save_every=4)

    assert run.status.values[0] == 1
    message = run.attrs["divergence"]["0"]
    assert (
        f"at step {int(run.stopped_step[0])}, and the training ends there; a lower learning rate" in message
    )
    assert any(word in message for word in ("inf", "nan", "finite"))
