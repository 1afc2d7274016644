"""Loaders of torch's: which batches a training takes from them, and which it can not."""

import pytest
import torch
from torch import nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from sdesim.errors import RunError
from sdesim.training import mlp
from tests.training.breadth import X, Y, train

PAIRS = TensorDataset(X, Y)


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
    ((X.to("meta"), Y), "train: a tensor on the device meta holds no numbers"),
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
