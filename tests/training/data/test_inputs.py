"""Data in the forms in which they come: right, or refused in one line that says what to pass."""

import pathlib

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset, TensorDataset

from sdesim.errors import RunError
from sdesim.runs import Probes
from sdesim.training import Monitor, Recipe, record

G = torch.Generator().manual_seed(0)
IDS = torch.randint(0, 7, (24, 5), generator=G)
MASK = (torch.rand(24, 5, generator=G, dtype=torch.float64) < 0.7).double()
MASK[:, 0] = 1
Y = torch.randint(0, 3, (24,), generator=G)


class Masked(nn.Module):
    """Mean of embedded ids where the mask is 1, through a linear layer."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            self.embed, self.out = nn.Embedding(7, 4).double(), nn.Linear(4, 3).double()

    def forward(self, ids, mask):
        return self.out((self.embed(ids) * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))


class Joined(nn.Module):
    """The same network with its two inputs in one array."""

    def __init__(self):
        super().__init__()
        self.embed, self.out = Masked().embed, Masked().out

    def forward(self, x):
        return Masked.forward(self, x[:, :5].long(), x[:, 5:])


class Items(Dataset):
    """Examples as dicts, with something else beside."""

    def __len__(self):
        return 24

    def __getitem__(self, i):
        return {"ids": IDS[i], "mask": MASK[i], "labels": Y[i], "name": f"number {i}"}


class Triples(Dataset):
    def __len__(self):
        return 24

    def __getitem__(self, i):
        return IDS[i], MASK[i], Y[i]


def of_dict(batch):
    return {"ids": batch["ids"], "mask": batch["mask"]}, batch["labels"]


def whole(module, batch):
    return cross_entropy(module(batch["ids"], batch["mask"]), batch["labels"])


ALL = {"ids": IDS, "mask": MASK, "labels": Y}
LOADED = {"batch_size": 6, "shuffle": True}
SOURCES = {
    "tuple of inputs": ((((IDS, MASK)), Y), {}),
    "dict of inputs": (({"ids": IDS, "mask": MASK}, Y), {}),
    "tensors in a row": (TensorDataset(IDS, MASK, Y), {"unpack": lambda b: ((b[0], b[1]), b[2])}),
    "one dict": (ALL, {"unpack": of_dict}),
    "data set of dicts": (Items(), {"unpack": of_dict}),
    "loader of dicts": (DataLoader(Items(), **LOADED), {"unpack": of_dict}),
    "loader of triples": (DataLoader(Triples(), **LOADED), {"unpack": lambda b: ((b[0], b[1]), b[2])}),
    "objective": (ALL, {"objective": whole}),
    "objective of a loader": (
        DataLoader(Items(), **LOADED),
        {"objective": whole, "unpack": lambda b: {k: v for k, v in b.items() if k != "name"}},
    ),
}


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def recorded(source, module=None, **keywords):
    size = {} if isinstance(source, DataLoader) else {"batch_size": 6}
    loss = None if "objective" in keywords else cross_entropy
    return record(
        module or Masked(), loss, source, None, sgd, steps=6, seed=2, save_every=1, progress=False,
        probes=Probes(every=6, samples=8), **size, **keywords,
    )  # fmt: skip


@pytest.fixture(scope="module")
def plain():
    """The training of the network whose inputs are one array."""
    return recorded((torch.cat([IDS.double(), MASK], 1), Y), Joined())


@pytest.mark.parametrize("form", SOURCES)
def test_a_training_is_the_same_in_whatever_form_its_inputs_come(form, plain):
    source, keywords = SOURCES[form]

    run = recorded(source, **keywords)

    # The sums run in the same order but for batching: rounding of float64.
    for name in ("loss", "theta"):
        np.testing.assert_allclose(run[name].values, plain[name].values, rtol=1e-10, atol=1e-12)
    for name in ("signal", "noise", "lambda_max", "hessian_noise"):
        np.testing.assert_allclose(run[name].values, plain[name].values, rtol=1e-6, err_msg=name)
    assert ("train_accuracy" in run) == ("objective" not in keywords)


@pytest.mark.parametrize("form", SOURCES)
def test_a_monitor_reads_the_same_in_whatever_form_its_inputs_come(form):
    source, keywords = SOURCES[form]
    size = {} if isinstance(source, DataLoader) else {"batch_size": 6}
    plain = (torch.cat([IDS.double(), MASK], 1), Y)

    def measured(module, data, loss=cross_entropy, **more):
        return Monitor(module, loss, data, learning_rate=0.1, samples=8, announce=None, **more).measure()

    loss = None if "objective" in keywords else cross_entropy
    found = measured(Masked(), source, loss, **size, **keywords)
    wanted = measured(Joined(), plain, batch_size=6)

    for name in ("loss", "signal", "noise"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=1e-9), name
    assert found.lambda_max.value == pytest.approx(wanted.lambda_max.value, rel=1e-6)


def test_a_recipe_brings_unpack_and_objective_to_a_monitor():
    recipe = Recipe(Masked(), None, ALL, None, sgd, steps=3, batch_size=6, objective=whole)
    beside = Monitor(
        Masked(), None, ALL, objective=whole, batch_size=6, learning_rate=0.1, samples=8, announce=None
    )

    found = Monitor(recipe, learning_rate=0.1, samples=8, announce=None).measure()

    assert found.noise == beside.measure().noise


class Broken(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        raise KeyError("no such image")


class Nothing(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return IDS[i]


REFUSED = {
    "dicts": (DataLoader(Items(), batch_size=4), {}, r"must give pairs \(x, y\), got a dict of ids, mask, "
              r"labels, name: pass unpack=lambda batch: \(\{k: batch\[k\] for k in \['ids', 'mask', 'name'\]"
              r"\}, batch\['labels'\]\), or objective="),
    "triples": (DataLoader(Triples(), batch_size=4), {}, r"got a list of 3: pass unpack=lambda batch: "
                r"\(tuple\(batch\[:2\]\), batch\[2\]\)"),
    "no labels": (DataLoader(Nothing(), batch_size=4), {}, r"got a Tensor: pass unpack="),
    "unpack of one": (ALL, {"unpack": lambda b: b["ids"]}, r"unpack must return a pair \(x, y\), got a Ten"),
    "unpack that fails": (ALL, {"unpack": lambda b: (b["x"], b["y"])}, "unpack fails on a dict of ids, mask, "
                          "labels: KeyError: 'x'"),
    "path": ("data/train.npz", {}, r"is a path, 'data/train.npz': read the file and pass \(X, y\)"),
    "Path": (pathlib.Path("x.csv"), {}, r"is a path, 'x.csv'"),
    "empty": ((IDS[:0], Y[:0]), {}, "is empty: it must have at least one example"),
    "empty loader": (DataLoader([], batch_size=2), {}, "is empty|has no examples"),
    "ragged": ([(torch.zeros(2), 0), (torch.zeros(3), 0), (torch.zeros(2), 0)], {},
               "all examples must have one shape"),
    "broken": (DataLoader(Broken(), batch_size=2), {}, "example 0 can't be read: KeyError: 'no such image'"),
    "strings": (DataLoader([("a", 0), ("b", 1)], batch_size=2), {}, "is no tensor: .*; pass unpack="),
    "unequal": ((IDS, Y[:5]), {}, "X and y must be equally long, got 24 and 5 examples"),
    "no batches": (DataLoader(TensorDataset(IDS, Y), batch_size=None), {}, "the DataLoader does not batch"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_pair_is_refused_by_record_and_monitor_alike(what):
    source, keywords, message = REFUSED[what]

    with pytest.raises(RunError, match=message) as of_record:
        recorded(source, **keywords)
    with pytest.raises(RunError, match=message) as of_monitor:
        Monitor(Masked(), cross_entropy, source, batch_size=2, learning_rate=0.1, **keywords).measure()

    assert "\n" not in f"{of_record.value}{of_monitor.value}"


def test_a_loss_and_an_objective_or_neither_are_refused():
    with pytest.raises(RunError, match="objective= takes the place of loss_fn"):
        Recipe(Masked(), cross_entropy, ALL, None, sgd, steps=1, objective=whole)
    with pytest.raises(RunError, match=r"give loss_fn, called as .*, or objective="):
        Recipe(Masked(), None, ALL, None, sgd, steps=1)
    with pytest.raises(RunError, match="networks take x as module"):
        recorded((IDS, Y))


class Sentences(Dataset):
    """Ids of other lengths."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        return IDS[i, : 2 + i % 4], Y[i]


def padded(items):
    """(ids, mask) padded to the longest of the batch, and labels."""
    longest = max(len(ids) for ids, _ in items)
    ids = torch.zeros(len(items), longest, dtype=torch.int64)
    mask = torch.zeros(len(items), longest, dtype=torch.float64)
    for row, (own, _) in enumerate(items):
        ids[row, : len(own)], mask[row, : len(own)] = own, 1
    return (ids, mask), torch.stack([y for _, y in items])


def test_a_monitor_reads_batches_that_are_padded_as_training_pads_them():
    data = Sentences()
    (ids, mask), y = padded([data[i] for i in range(12)])
    loader = DataLoader(data, batch_size=3, shuffle=True, collate_fn=padded)
    settings = {"learning_rate": 0.1, "samples": 2000, "announce": None}

    found = Monitor(Masked(), cross_entropy, loader, **settings).measure()
    wanted = Monitor(Masked(), cross_entropy, ((ids, mask), y), batch_size=3, **settings).measure()

    # This network does not see the padding. Tr Σ of 2,000 draws is known to some 3%.
    assert found.loss == pytest.approx(wanted.loss, rel=1e-9)
    assert found.lambda_max.value == pytest.approx(wanted.lambda_max.value, rel=1e-6)
    assert found.noise == pytest.approx(wanted.noise, rel=0.25)
    assert "collated_together" in found.lambda_max.flags
    with pytest.raises(RunError, match="depends on the rest of its batch"):
        recorded(loader)


def test_examples_with_nan_are_refused_unless_the_loss_leaves_them_out():
    x = torch.cat([IDS.double(), MASK], 1)
    x[[5, 17], 6] = torch.nan

    with pytest.raises(RunError, match="2 of 24 examples hold NaN, the first is number 5"):
        recorded((x, Y), Joined())

    x[[5, 17], 6] = 1.0
    target = Y.double().clone()
    target[3] = torch.nan
    masked = lambda output, y: (output[:, 0] - y).nan_to_num().square().mean()  # noqa: E731
    run = record(Joined(), masked, (x, target), None, sgd, steps=2, batch_size=6, progress=False)
    assert np.isfinite(run.loss.values).all()


def test_a_monitor_flags_a_loss_that_is_not_finite():
    x = torch.cat([IDS.double(), MASK], 1)
    x[5, 6] = torch.nan

    m = Monitor(Joined(), cross_entropy, (x, Y), batch_size=6, learning_rate=0.1, announce=None).measure()

    assert "loss_not_finite" in m.flags
    assert m.C_alpha is None
