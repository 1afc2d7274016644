"""Examples of a reading are each read once, by the loader's workers where that pays, with the same bits."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, TensorDataset, get_worker_info

from sdesim.runs import Probes
from sdesim.training import Monitor, mlp, record
from sdesim.training.data import fetching
from sdesim.training.data.fetching import Kept, fetched
from sdesim.training.data.undisturbed import LoaderExamples
from tests.training.data.readings import sgd

X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = torch.arange(60) % 3


class Watched(Dataset):
    """Counts the examples that are read in this process; noise of three generators where asked for."""

    def __init__(self, noise=0.0, elsewhere=None):
        self.noise, self.elsewhere, self.calls = noise, elsewhere, []
        self.generator = np.random.default_rng(5)

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        if self.elsewhere and (worker := get_worker_info()) is not None:
            return self.elsewhere(i, worker)
        self.calls.append(i)
        if not self.noise:
            return X[i], Y[i]
        shift = torch.rand(1) + float(np.random.rand() + self.generator.random())  # noqa: NPY002
        return X[i] + self.noise * shift, Y[i]


def measured(source, workers=0, **more):
    """Two readings' rows; torch's generator is left alone."""
    model = mlp([4, 3, 3], seed=0)
    loader = DataLoader(source, batch_size=6, shuffle=True, num_workers=workers)
    monitor = Monitor(
        model, cross_entropy, loader, optimizer=sgd(model.parameters()), samples=8, announce=None, **more
    )
    if isinstance(source, Watched):
        source.calls.clear()
    before = torch.get_rng_state()
    rows = [monitor.measure().row() for _ in range(2)]
    assert torch.equal(before, torch.get_rng_state())
    return [{k: v for k, v in row.items() if k not in ("cost_seconds", "flags")} for row in rows]


def test_a_reading_reads_each_example_once_and_finds_what_held_ones_give():
    source = Watched()

    found = measured(source)

    # Loss, Hessian, gradients and virtual steps of one reading; all again in the next.
    assert sorted(source.calls) == sorted([*range(60)] * 2)
    assert repr(found) == repr(measured(TensorDataset(X, Y)))


def test_examples_beyond_those_at_hand_are_read_once_too():
    source = Watched()

    found = measured(source, examples=20)

    half = len(source.calls) // 2
    assert 20 < half <= 60
    assert len(set(source.calls[:half])) == half
    assert repr(found) == repr(measured(TensorDataset(X, Y), examples=20))


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_workers_read_with_the_same_bits(noise, monkeypatch):
    monkeypatch.setattr(fetching, "WORTH", 0.0)
    alone, helped = Watched(noise), Watched(noise)

    assert repr(measured(alone)) == repr(measured(helped, workers=2))
    # Of each round a batch is read here, to see what it costs.
    assert 0 < len(helped.calls) < len(alone.calls) / 2


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_recording_reads_by_the_loaders_workers_with_the_same_bits(noise, monkeypatch):
    monkeypatch.setattr(fetching, "WORTH", 0.0)
    alone, helped = Watched(noise), Watched(noise)

    def recorded(source, workers):
        own = torch.Generator().manual_seed(7)
        loader = DataLoader(source, batch_size=6, shuffle=True, num_workers=workers, generator=own)
        probes = Probes(every=2, samples=12, estimators=("gradient",))
        model = mlp([4, 3, 3], seed=0)
        return record(model, cross_entropy, loader, None, sgd, steps=2, probes=probes, progress=False)

    one, two = recorded(alone, 0), recorded(helped, 2)

    for variable in one.data_vars:
        assert one[variable].values.tobytes() == two[variable].values.tobytes(), variable
    assert len(helped.calls) < (0.75 if noise else 0.9) * len(alone.calls)


def other(i, worker):
    return X[i] + worker.id, Y[i]


def broken(i, worker):
    raise OSError("no file in this process")


@pytest.mark.parametrize("elsewhere", [other, broken])
def test_what_workers_cant_read_as_here_is_read_here(elsewhere, monkeypatch):
    monkeypatch.setattr(fetching, "WORTH", 0.0)

    assert repr(measured(Watched(elsewhere=elsewhere), workers=2)) == repr(measured(Watched()))


def test_cheap_examples_start_no_worker():
    source = Watched()
    examples = LoaderExamples(DataLoader(source, batch_size=6, num_workers=2))

    found = fetched(examples, [(np.arange(k, k + 3), 7) for k in range(0, 30, 3)])

    assert source.calls == [*range(30)]
    assert torch.equal(torch.cat([x for x, _ in found]), X[:30])


def test_what_is_kept_has_a_bound(monkeypatch):
    asked = []

    def read(rows):
        asked.append(list(rows))
        return X[rows], Y[rows]

    monkeypatch.setattr(fetching, "_ROOM", 15)
    kept = Kept(read)

    # A row is four numbers and a label.
    for rows, at_hand in (([1, 2, 8], False), ([2, 5], False), ([5, 8, 1], False), ([5, 7, 2, 9], True),
                          ([9, 1, 5], False)):  # fmt: skip
        x, y = kept.take(np.array(rows), at_hand=at_hand)
        assert torch.equal(x, X[rows])
        assert torch.equal(y, Y[rows])
    assert asked == [[1, 2, 8], [5], [5], [5, 7, 9]]
    kept.forget()
    kept.take(np.array([9]))
    assert asked[-1] == [9]
