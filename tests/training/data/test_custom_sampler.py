"""Samplers of the user's own: their order is followed, under the run's seed alone."""

import random

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, TensorDataset
from torch.utils.data.distributed import DistributedSampler

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.training import Monitor, mlp, prune, record, twin
from sdesim.training.data.examples import batch_order, batches_of, read_examples

DIGITS = data.digits(30, 0, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()
PAIRS = TensorDataset(X, Y)
NETWORK = mlp([64, 3, 10], seed=0)


class Backwards(Sampler):
    """From the last to the first, without a random number."""

    def __iter__(self):
        return iter(range(29, -1, -1))

    def __len__(self):
        return 30


class Drawn(Sampler):
    """Numbers drawn while it walks: from global generators, and from one of its own."""

    def __init__(self):
        self.own = torch.Generator()

    def __iter__(self):
        for _ in range(20):
            shift = np.random.randint(30) + random.randrange(30)  # noqa: NPY002
            yield (int(torch.randint(30, (), generator=self.own)) + int(torch.randint(30, ())) + shift) % 30


class Growing(Sampler):
    """A curriculum, which remembers how often it was walked."""

    def __init__(self):
        self.walks = 0

    def __iter__(self):
        self.walks += 1
        return iter(range(min(30, 5 * self.walks)))


class Endless(Sampler):
    def __iter__(self):
        while True:
            yield int(torch.randint(30, ()))


class Uneven(Sampler):
    """Batches of one to five."""

    def __iter__(self):
        for size in torch.randperm(5).tolist():
            yield torch.randint(30, (size + 1,)).tolist()


def distributed():
    return DistributedSampler(PAIRS, num_replicas=2, rank=1, seed=5)


def loader(sampler, **options):
    return DataLoader(PAIRS, batch_size=5, sampler=sampler, **options)


LOADERS = {
    "backwards": lambda: loader(Backwards()),
    "drawn": lambda: loader(Drawn()),
    "growing": lambda: loader(Growing()),
    "endless": lambda: loader(Endless()),
    "distributed": lambda: loader(distributed()),
    "batches": lambda: DataLoader(PAIRS, batch_sampler=Uneven()),
    "batches of torch's": lambda: DataLoader(PAIRS, batch_sampler=Twice(RandomSampler(PAIRS), 5, False)),
}


class Twice(BatchSampler):
    def __iter__(self):
        for batch in super().__iter__():
            yield from (batch, batch)


def batches(source, seed=3):
    examples = read_examples(source, "train", torch.float64)
    return batches_of(examples, batch_order(source, examples, None, "epoch"), seed)


def taken(source, count, seed=3):
    found = batches(source, seed)
    return [found.next().tolist() for _ in range(count)]


def in_turn(found):
    return [i for batch in found for i in batch]


def train(source, **changes):
    arguments = {"steps": 11, "seed": 3, "save_every": 2, "progress": False,
                 "probes": sdesim.Probes(every=5, samples=4)}  # fmt: skip
    return record(
        NETWORK, cross_entropy, source, None, lambda p: torch.optim.SGD(p, lr=0.1), **(arguments | changes)
    )


def test_the_order_is_the_samplers_own():
    assert in_turn(taken(LOADERS["backwards"](), 12)) == 2 * list(range(29, -1, -1))
    assert [len(b) for b in taken(LOADERS["growing"](), 7)] == [5] * 7
    # One batch in the first epoch, two in the second, three in the third.
    assert [b[0] for b in taken(LOADERS["growing"](), 6)] == [0, 0, 5, 0, 5, 10]
    twice = taken(LOADERS["batches of torch's"](), 12)
    assert twice[::2] == twice[1::2]
    assert sorted(in_turn(twice[::2])) == list(range(30))
    assert sorted(map(len, taken(LOADERS["batches"](), 5))) == [1, 2, 3, 4, 5]


def test_a_distributed_sampler_is_told_its_epochs():
    expected, sampler = [], distributed()
    for epoch in range(2):
        sampler.set_epoch(epoch)
        expected += list(sampler)

    assert in_turn(taken(LOADERS["distributed"](), 6)) == expected


@pytest.mark.parametrize("name", LOADERS)
def test_the_order_is_a_function_of_the_seed_and_leaves_the_loader_and_every_generator_alone(name):
    source = LOADERS[name]()
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first = taken(source, 30)
    after = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002

    assert taken(source, 30) == first
    assert torch.equal(before[0], after[0])
    assert (before[1] == after[1]).all()
    assert before[2] == after[2]
    fixed = name in ("backwards", "growing", "distributed")
    assert (taken(source, 30, seed=4) == first) == fixed


@pytest.mark.parametrize("name", LOADERS)
def test_an_order_goes_on_from_its_state(name, monkeypatch):
    monkeypatch.setattr("sdesim.training.data.custom_sampler._BLOCK", 4)
    whole = taken(LOADERS[name](), 23)
    for cut in (0, 1, 8, 13):
        begun, gone_on = batches(LOADERS[name]()), batches(LOADERS[name]())
        for _ in range(cut):
            begun.next()
        gone_on.restore(begun.state())

        assert [gone_on.next().tolist() for _ in range(23 - cut)] == whole[cut:]


@pytest.mark.parametrize("name", ["drawn", "growing"])
def test_a_training_in_a_samplers_order_goes_on_with_the_same_bits(name, tmp_path):
    class Cut(Exception):
        pass

    def stop(done, total):
        if done == 7:
            raise Cut

    source = LOADERS[name]()
    whole = train(source, out=tmp_path / "whole.zarr", trajectories=2)
    with pytest.raises(Cut):
        train(source, out=tmp_path / "cut.zarr", trajectories=2, checkpoint_every=2, progress=stop)
    with pytest.raises(RunError, match="was begun with other arguments"):
        train(loader(Backwards()), out=tmp_path / "cut.zarr", trajectories=2, resume=True)
    gone_on = train(source, out=tmp_path / "cut.zarr", trajectories=2, resume=True)

    for variable in whole.data_vars:
        assert whole[variable].values.tobytes() == gone_on[variable].values.tobytes(), variable


def test_a_run_says_whose_order_it_has_and_which_law_was_probed():
    run = train(loader(Backwards()))

    said = {k: run.attrs[k] for k in ("sampling", "sampler", "sampler_law", "batch_size")}
    assert said == {
        "sampling": "sampler", "sampler": "Backwards", "sampler_law": "taken as uniform", "batch_size": 5
    }  # fmt: skip
    assert run.epoch.values[-1] == 11 * 5 / 30


class Counting(Sampler):
    """Its order hangs on what no seed and no copy brings back."""

    walks = 0

    def __iter__(self):
        type(self).walks += 1
        return iter(np.roll(np.arange(30), type(self).walks).tolist())


class Locked(Backwards):
    def __deepcopy__(self, memo):
        raise TypeError("a lock")


class Outside(Sampler):
    def __iter__(self):
        return iter([3, 30])


class Nothing(Sampler):
    def __iter__(self):
        return iter(())


REFUSED = [
    (Counting(), "train: Counting gives another order under the same seed"),
    (Locked(), "train: Locked can't be copied: a lock"),
    (Outside(), r"train: Outside must give indices from 0 to 29, got \[3, 30\]"),
    (Nothing(), "train: Nothing gives no batch in epoch 0"),
]


@pytest.mark.parametrize(("sampler", "message"), REFUSED)
def test_samplers_without_a_repeatable_order_are_refused_in_one_line(sampler, message):
    with pytest.raises(RunError, match=message) as caught:
        train(loader(sampler))

    assert "\n" not in str(caught.value)


def test_pruning_follows_the_sampler_and_a_twin_is_refused():
    mask = prune(
        NETWORK,
        cross_entropy,
        loader(Backwards()),
        lambda p: torch.optim.SGD(p, lr=0.1),
        sparsity=0.5,
        steps=5,
    )
    assert 0 < mask.sum() < len(mask)
    with pytest.raises(RunError, match="by a known law, this one drew them by Backwards"):
        twin(train(loader(Backwards())), NETWORK, cross_entropy, (X, Y), progress=False)


def test_a_monitor_flags_a_sampler_that_it_does_not_know():
    for source in (loader(Backwards()), DataLoader(PAIRS, batch_sampler=Twice(Backwards(), 5, False))):
        monitor = Monitor(NETWORK, cross_entropy, source, learning_rate=0.1, samples=4)
        assert "sampler_ignored" in monitor.measure().flags
