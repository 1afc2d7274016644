"""Examples that differ at each reading: by an augmentation, or by the transforms of their Dataset."""

import random

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

import sdesim
from sdesim import data
from sdesim.errors import RunError
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import Monitor, TorchOracle, mlp, prune, record, twin
from sdesim.training.data.augmentation import Reader
from sdesim.training.data.examples import Examples, read_anew
from sdesim.training.data.fresh_examples import oracle_of

DIGITS = data.digits(40, 30, seed=0)
X, Y = torch.as_tensor(DIGITS.x_train), torch.as_tensor(DIGITS.y_train).long()
NETWORK = mlp([64, 3, 10], seed=0)
WEIGHTS = torch.arange(1.0, 41.0).double()


def flipped(x, generator):
    """Each example with either sign."""
    return x * (2 * torch.randint(2, (len(x), 1), generator=generator) - 1)


class Flipping(Dataset):
    """The same by generators of its own, or by global ones."""

    def __init__(self, own=True):
        self.own = [torch.Generator(), np.random.default_rng(0), random.Random(0)] if own else None

    def __len__(self):
        return 40

    def __getitem__(self, i):
        if self.own is None:
            draws = int(torch.randint(2, ())), np.random.randint(2), random.randint(0, 1)  # noqa: NPY002
        else:
            draws = (
                int(torch.randint(2, (), generator=self.own[0])), int(self.own[1].integers(2)),
                self.own[2].randint(0, 1),
            )  # fmt: skip
        return X[i] * (2 * (sum(draws) % 2) - 1), Y[i]


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.1)


def train(source=(X, Y), test=None, loss=cross_entropy, **changes):
    arguments = {"steps": 9, "seed": 3, "save_every": 3, "progress": False,
                 "probes": sdesim.Probes(every=4, samples=4)}  # fmt: skip
    if not isinstance(source, DataLoader):
        arguments["batch_size"] = 6
    return record(NETWORK, loss, source, test, sgd, **(arguments | changes))


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


def law(reader, weights=None):
    """Examples read anew, and exact mean gradients, losses and probabilities of all 80 signed examples."""
    examples = Examples(X, Y, None if weights is None else weights / weights.sum(), reader=reader)
    examples = read_anew(examples, None, 8, lambda k: k)
    q = torch.full((40,), 1 / 40).double() if weights is None else weights / weights.sum()
    both, labels, q = torch.cat([X, -X]), Y.repeat(2), (q.repeat(2) / 2)
    whole = TorchOracle(NETWORK, cross_entropy, both, labels, 1, q)
    each = whole.gradients_of(flat_parameters(NETWORK), torch.arange(80)[:, None], np.random.default_rng(0))
    return examples, whole, each, q.numpy()


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("name", ["augment", "data set"])
def test_probed_gradients_have_the_law_of_training_with_its_readings(name, weights):
    held = Flipping()
    take = {
        "augment": lambda rows: (X[rows], Y[rows]),
        "data set": lambda rows: (torch.stack([held[int(i)][0] for i in rows]), Y[rows]),
    }
    examples, whole, each, q = law(
        Reader(take[name], flipped if name == "augment" else None, (held,)), weights
    )
    mean, theta = q @ each, flat_parameters(NETWORK)
    covariance = ((each * q[:, None]).T @ each - np.outer(mean, mean)) / 3

    oracle = oracle_of(examples, NETWORK, cross_entropy, 3)
    draws = oracle.gradients(theta, 1000, np.random.default_rng(1))

    # As in test_weighting: 20 means and variances within six standard errors.
    directions = np.random.default_rng(2).standard_normal((10, len(mean)))
    squares = ((draws - mean) @ directions.T) ** 2
    exact = np.einsum("kd,de,ke->k", directions, covariance, directions)
    assert (np.abs((draws.mean(axis=0) - mean) @ directions.T) < 6 * np.sqrt(exact / 1000)).all()
    assert (np.abs(squares.mean(axis=0) - exact) < 6 * squares.std(axis=0) / np.sqrt(1000)).all()
    # The loss of 50 readings of each example: its spread over the signs alone, within six standard errors.
    with torch.no_grad():
        losses = cross_entropy(NETWORK(torch.cat([X, -X])), Y.repeat(2), reduction="none").numpy()
    apart = np.diff(np.reshape(losses, (2, 40)), axis=0)[0] / 2
    error = np.sqrt(((2 * q[:40]) ** 2 * apart**2).sum() / 50)
    assert oracle.loss(theta) == pytest.approx(whole.loss(theta), abs=6 * error)
    # Without the signs the mean would be another.
    plain = 2 * q[:40] @ each[:40]
    assert (np.abs((plain - mean) @ directions.T) > 12 * np.sqrt(exact / 1000)).any()


def test_a_batch_that_is_transformed_as_one_is_probed_as_one():
    def together(x, generator):
        return x * (2 * torch.randint(2, (), generator=generator) - 1)

    draws = []

    def watched(x, generator):
        draws.append(len(x))
        return together(x, generator)

    train(augment=watched, probes=sdesim.Probes(every=20, samples=5), steps=1)

    # Eight of the check twice, 50 times 40 in batches of 6, five minibatches of the probe, one step.
    assert draws == [8, 8] + 50 * ([6] * 6 + [4]) + [6] * 5 + [6]


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


def test_pruning_and_twins_need_fixed_examples():
    with pytest.raises(RunError, match=r"train gives another example \d at each reading"):
        prune(NETWORK, cross_entropy, Flipping(), sgd, sparsity=0.5, steps=1, batch_size=4)
    with pytest.raises(RunError, match="a twin needs fixed examples"):
        twin(train(augment=flipped), NETWORK, cross_entropy, (X, Y), progress=False)


def test_a_monitor_leaves_a_training_alone_whose_data_and_sampler_hold_generators():
    def trained(monitored):
        torch.manual_seed(0)
        source, model = Flipping(), mlp([64, 3, 10], seed=0)
        sampler = torch.utils.data.RandomSampler(source, generator=torch.Generator().manual_seed(1))
        batches = DataLoader(source, batch_sampler=torch.utils.data.BatchSampler(sampler, 8, False))
        optimizer, seen = sgd(model.parameters()), []
        monitor = Monitor(
            model, cross_entropy, batches, optimizer=optimizer, every=2, samples=4, announce=None
        )
        for x, y in batches:
            seen.append(x)
            optimizer.zero_grad()
            cross_entropy(model(x), y).backward()
            optimizer.step()
            if monitored:
                monitor.step()
        return [*model.parameters(), *seen], len(monitor.history)

    bare, watched = trained(False), trained(True)

    assert (bare[1], watched[1]) == (0, 3)
    assert all(map(torch.equal, bare[0], watched[0]))


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
