"""Data set classes of a user's own as data: torch's, and those with Hugging Face's columns."""

import pickle
import sys

import numpy as np
import pytest

from sdesim.data import Base
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit, documented, dump, read, trusting

pytest.importorskip("torch")

OWN = '''
import random

import torch
from torch.utils.data import Dataset, IterableDataset


class Waves(Dataset):
    """Waves and what they are.

    Args:
        count: of waves.
    """

    def __init__(self, count: int = 12, sort: str = "labels", features: int = 6, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(count, 1, features, generator=self.generator)
        self.sort = sort

    def __len__(self):
        return len(self.x)

    def __getitem__(self, k):
        if k >= len(self.x):
            raise IndexError(k)
        x = self.x[k]
        return {
            "labels": (x, k % 3),
            "targets": (x, [float(k), 1.0]),
            "number": (x, torch.tensor(0.5)),
            "places": (x.reshape(-1).abs().long(), [k % 3, -100, 1]),
            "moving": (x + random.random(), 0),
            "late": (x[:, : 6 - k // 11], 0),
            "words": ("word", 0),
            "three": (x, 0, 0),
            "endless": (x / (k != 7), 0),
            "infinite": (x, 0.0 if k < 9 else float("inf")),
        }[self.sort]


class Classed(Waves):
    classes = ["a", "b", "c", "d"]


class Tokens(Waves):
    vocabulary = 5


class Many(IterableDataset):
    pass


class Fails(Waves):
    def __init__(self):
        raise FileNotFoundError("no such file: a.pt")


class Feature:
    num_classes = 4


class Rows:
    """What Hugging Face's data sets offer: named columns, and a feature that knows its classes."""

    features = {"pixels": None, "age": None, "label": Feature()}

    def __len__(self):
        return 8

    def __getitem__(self, k):
        return {"pixels": [[k, 1], [2, 3]], "age": k / 2, "label": k % 2}


class Given:
    def __init__(self, name: str = "rows"):
        self.name = name

    def dataset(self):
        return Rows()
'''


@pytest.fixture(autouse=True)
def beside(tmp_path, monkeypatch):
    """A module of a name of its own beside the scenario, forgotten afterwards."""
    (tmp_path / "owndata.py").write_text(OWN)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("owndata", None)
    from sdesim.kinds import registry

    for name in [n for n in registry._REGISTERED.get("data", {}) if n.startswith("owndata:")]:
        del registry._REGISTERED["data"][name]


@pytest.fixture
def made(tmp_path):
    """A recipe of a class of the module, which is trusted."""
    with trusting(["owndata"], tmp_path):
        yield own


def own(name, **fields):
    return read("data", {"kind": f"owndata:{name}", **fields})


def test_a_torch_dataset_is_split_by_the_seed_and_says_its_sizes_before_it_is_read(made):
    recipe = made("Waves", count=10, test=0.3, seed=2)

    assert isinstance(recipe, Base)
    assert (recipe.examples, recipe.features, recipe.shape, recipe.outputs) == (7, 6, (1, 6), 3)
    assert (recipe.labelled, recipe.tested, recipe.positions, recipe.vocabulary) == (True, True, None, None)
    assert "_made" not in vars(recipe)
    data, order = recipe.load(), np.random.default_rng(2).permutation(10)
    np.testing.assert_array_equal(data.y_train, order[:7] % 3)
    np.testing.assert_array_equal(data.x_test, recipe.source.x.double().numpy().reshape(10, 6)[order[7:]])
    assert data.shape == (1, 6)
    assert recipe.digest() == pickle.loads(pickle.dumps(recipe)).digest() != made("Waves", count=9).digest()
    assert read("data", dump(recipe)) == recipe


def test_arguments_are_fields_with_the_words_of_the_class(made):
    fields = documented(type(made("Waves"))).fields

    assert list(fields) == ["count", "sort", "features_", "seed", "test", "inputs", "target"]
    assert fields["count"] == "of waves."
    assert made("Waves", features_=4).features == 4
    with pytest.raises(Misfit, match=r"^cuont: unknown field, did you mean 'count'\?$"):
        made("Waves", cuont=3)


def test_answers_are_labels_targets_or_a_label_at_each_place(made):
    targets, number, places = (made("Waves", sort=sort).load() for sort in ("targets", "number", "places"))

    assert (targets.labelled, targets.outputs, number.y_train.shape) == (False, 2, (10, 1))
    assert (places.positions, places.outputs, places.y_train.shape) == (3, 3, (10, 3))
    assert made("Classed").outputs == 4
    assert made("Tokens", sort="places").vocabulary == 5


def test_columns_are_named_and_classes_known_by_the_feature(made):
    recipe = made("Given", inputs=["age", "pixels"], test=0)

    assert (recipe.examples, recipe.features, recipe.outputs, recipe.tested) == (8, 5, 4, False)
    x = recipe.load().x_train
    np.testing.assert_array_equal(x[x[:, 0] == 1.5], [[1.5, 3, 1, 2, 3]])
    assert made("Rows", inputs="pixels").shape == (2, 2)


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("Many", {}, r"kind: found 'owndata:Many', but Many is no kind of data, and has neither"),
        ("Fails", {}, r"kind: Fails can't be made, or has no length: FileNotFoundError: no such file: a.pt$"),
        ("Waves", {"count": 0}, r"test: found 0.2, allowed: a share that leaves some of the 0 ex"),
        ("Waves", {"count": 2, "test": 0.1}, r"test: found 0.1, allowed: a share that leaves some of the 2"),
        ("Waves", {"sort": "moving"}, r"kind: Waves gives another example 0 at each reading: give"),
        ("Waves", {"sort": "late"}, r"Waves: example 11 has shapes \(1, 5\) and \(\), the first has \(1,"),
        ("Waves", {"sort": "words"}, r"Waves: example 0: x is a str, allowed: an array, a tensor or n"),
        ("Waves", {"sort": "three"}, r"Waves: example 0 is a tuple of 3, allowed: \(x, y\), or a dict"),
        ("Waves", {"sort": "endless"}, r"Waves: example 7: found others, allowed: finite numbers, and"),
        ("Waves", {"sort": "infinite"}, r"Waves: example 9: found others, allowed: finite numbers$"),
        ("Tokens", {}, r"Tokens: found others, allowed: tokens 0 to 4$"),
        ("Rows", {}, r"inputs: missing, allowed: of the columns pixels, age$"),
        ("Rows", {"target": "lable"}, r"target: found 'lable', allowed: one of the columns pixels, age, l"),
        ("Rows", {"inputs": "label"}, r"inputs: found 'label', allowed: of the columns pixels, age$"),
    ],
)  # fmt: skip
def test_what_gives_no_examples_is_refused_in_a_line(made, name, fields, words):
    with pytest.raises(SdesimError, match=f"^{words}"):
        made(name, **fields).load()


def test_a_class_of_a_module_that_is_not_trusted_is_not_imported(tmp_path):
    with (
        trusting(folder=tmp_path),
        pytest.raises(Misfit, match="runs the code of owndata: allow it with --trust owndata"),
    ):
        read("data", "owndata:Waves")
    assert "owndata" not in sys.modules


def test_a_training_takes_it_by_its_name_in_a_file(made):
    import sdesim
    from sdesim.scenario import parse_scenario

    text = """
name: own
arms:
  net:
    train:
      data: {kind: "owndata:Waves", count: 12}
      network: {kind: mlp, widths: [6, 4, 3]}
      optimizer: {kind: sgd, lr: 0.1, batch_size: 5}
      steps: 3
"""
    train = parse_scenario(text).arms["net"].train

    run = sdesim.training.record(
        train.network,
        train.loss.function(train.data),
        train.data,
        None,
        train.optimizer,
        steps=3,
        progress=False,
    )
    assert run.attrs["dataset_size"] == 10
    assert np.isfinite(run["loss"].values).all()
