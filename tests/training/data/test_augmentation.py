"""Examples that differ at each reading: by an augmentation, or by the transforms of their Dataset."""

import random

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

import sdesim
from sdesim.data.augmentations import Crop, Noise
from sdesim.errors import RunError
from sdesim.training import Monitor, mlp, prune, twin
from sdesim.training.data.augmentation import Reader
from tests.training.data.readings import NETWORK, Flipping, X, Y, flipped, law, sgd, train

SOURCES = {
    "augment": lambda: {"augment": flipped},
    "data set": lambda: {"source": Flipping()},
    "global generators": lambda: {"source": Flipping(own=False)},
    "loader": lambda: {"source": DataLoader(Flipping(), batch_size=6, shuffle=True)},
}


def state():
    return torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002


@pytest.mark.parametrize("name", SOURCES)
def test_readings_are_a_function_of_the_seed_and_leave_every_generator_alone(name):
    given = SOURCES[name]()
    before = state()
    first = train(**given)
    after = state()
    torch.rand(3), np.random.rand(), random.random()  # noqa: NPY002
    second, other = train(**given), train(**given, seed=4)

    assert torch.equal(before[0], after[0])
    assert (before[1] == after[1]).all()
    assert before[2] == after[2]
    for variable in first.data_vars:
        assert first[variable].values.tobytes() == second[variable].values.tobytes(), variable
    assert first.loss.values[0, -1] != other.loss.values[0, -1]
    assert first.attrs["readings"] == 50


@pytest.mark.parametrize("name", ["augment", "loader"])
def test_a_training_on_fresh_readings_goes_on_with_the_same_bits(name, tmp_path):
    class Cut(Exception):
        pass

    def stop(done, total):
        if done == 7:
            raise Cut

    whole = train(**SOURCES[name](), out=tmp_path / "whole.zarr", checkpoint_every=2)
    with pytest.raises(Cut):
        train(**SOURCES[name](), out=tmp_path / "cut.zarr", checkpoint_every=2, progress=stop)
    gone_on = train(**SOURCES[name](), out=tmp_path / "cut.zarr", checkpoint_every=2, resume=True)

    for variable in whole.data_vars:
        assert whole[variable].values.tobytes() == gone_on[variable].values.tobytes(), variable


@pytest.mark.parametrize("size", [40, None])
def test_every_step_reads_its_batch_anew(size):
    seen = []

    def watched(x, generator):
        seen.append((x.clone(), flipped(x, generator)))
        return seen[-1][1]

    train(augment=watched, probes=None, batch_size=size)

    # The last nine readings are those of the steps, of all examples in another order each.
    signs = [
        torch.where((made == x).all(dim=1), 1, -1)[torch.argsort(x @ torch.arange(64.0).double())]
        for x, made in seen[-9:]
    ]
    assert len({tuple(s.tolist()) for s in signs}) == 9


def test_augmentations_by_their_kinds_take_the_shape_of_the_data_and_are_the_functions_bits():
    data, crop, noise = sdesim.data.digits(8, 0), Crop(1), Noise(0.2)

    def written_out(x, generator):
        moved = crop.change(x.reshape(-1, 1, 8, 8), generator)
        return noise.change(moved, generator).reshape(-1, 64)

    by_kind = train(data, augment=[crop, noise])
    by_hand = train(data, augment=written_out)

    assert by_kind.attrs["augment"] == "crop (padding 1), noise (std 0.2)"
    assert by_kind.loss.values.tobytes() == by_hand.loss.values.tobytes()
    assert by_kind.loss.values[0, -1] != train(data).loss.values[0, -1]
    with pytest.raises(RunError, match=r"augment\[0\]: found examples of shape \(64,\), allowed: images"):
        train(augment=Crop(1))
    with pytest.raises(
        RunError, match=r"^augment takes a function, or kinds of sdesim.data.augmentations, got 'c"
    ):
        train(data, augment=["crop"])


class Shaped(Flipping):
    """A data set whose shape is that of its table."""

    shape = (40, 2)


def test_what_a_data_set_of_others_calls_its_shape_is_not_that_of_an_example():
    noisy = train(Shaped(), augment=[Noise(0.2)])

    assert noisy.attrs["augment"] == "noise (std 0.2)"
    assert np.isfinite(noisy.loss.values).all()


def test_a_run_says_what_reads_its_examples():
    assert train(augment=flipped).attrs["augment"] == "flipped"
    assert train(Flipping()).attrs["augment"] == ""
    assert "readings" not in train().attrs


def unseeded(x, generator):
    return x + random.SystemRandom().random()


REFUSED = [
    ({"augment": lambda x, g: x[1:]}, r"augment must return a tensor of 8 examples, .* got shape \(7, 64\)"),
    ({"augment": lambda x, g: None}, "augment must return a tensor of 8 examples, as it gets, got NoneType"),
    ({"augment": lambda x, g: x @ x}, "augment fails on a batch of 8 examples: mat1"),
    ({"augment": unseeded}, "augment gives other examples under the same seed"),
    ({"test": Flipping()}, r"test gives another example \d at each reading: give it without its random"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_no_seed_decides_or_does_not_fit_is_refused_in_one_line(changes, message):
    with pytest.raises(RunError, match=message) as caught:
        train(**changes)

    assert "\n" not in str(caught.value)


def test_pruning_needs_fixed_examples_and_a_twin_the_recipe_that_reads_them_anew():
    with pytest.raises(RunError, match=r"train gives another example \d at each reading"):
        prune(NETWORK, cross_entropy, Flipping(), sgd, sparsity=0.5, steps=1, batch_size=4)
    with pytest.raises(RunError, match="recorded with augment: give the recipe in place of the module"):
        twin(train(augment=flipped), NETWORK, cross_entropy, (X, Y), progress=False)


@pytest.mark.parametrize("options", [{"loader": Flipping()}, {"loader": (X, Y), "augment": flipped}])
def test_a_monitor_reads_every_drawn_example_anew(options):
    model = mlp([64, 3, 10], seed=0)
    source, held = options.pop("loader"), [(X[:1], Y[:1])]
    if isinstance(source, Flipping):
        held = [torch.utils.data.Subset(source, [0])]
    monitor = Monitor(
        model, cross_entropy, held[0], learning_rate=0.1, batch_size=1, samples=40, announce=None, **options
    )

    run = (monitor.measure(), monitor.run())[1]

    # One example of two signs: the noise is that of the signs alone, missed by 40 draws with 2^-39.
    each = law(Reader(lambda rows: (X[rows], Y[rows]), flipped))[2][[0, 40]]
    assert float(run.noise[0, 0]) == pytest.approx(((each[0] - each[1]) ** 2).sum() / 4, rel=0.3)
    assert run.attrs["gradient_path"] == monitor.gradient_path == "outer products"
