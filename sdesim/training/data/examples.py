"""Training data in whatever form it comes, as two tensors, and the order in which batches take from them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, default_collate

from sdesim.data import Dataset
from sdesim.data.weightings.base import Base as Weighting
from sdesim.errors import RunError
from sdesim.kinds.numbers import one_of
from sdesim.training.data.accuracy import Accuracy, accuracy_of
from sdesim.training.data.augmentation import Augment, Reader, readings_of
from sdesim.training.data.batches import joined, leaves, length, mapped, moved, rows_of
from sdesim.training.data.collation import (
    Unpack,
    as_pair,
    check_source,
    collated,
    differing,
    held_whole,
    item,
)
from sdesim.training.data.custom_sampler import CustomBatches, CustomOrder
from sdesim.training.data.fetching import fetched
from sdesim.training.data.loaders import (
    loaded,
    loader_order,
    loader_rows,
    loader_weights,
    own_sampler,
)
from sdesim.training.data.undisturbed import LoaderExamples, undisturbed
from sdesim.training.data.weighting import cumulative, draw_weighted, probabilities

SAMPLINGS = ("epoch", "with-replacement", "sequential")
# Without epochs of their own: n draws count as one.
_ENDLESS = ("with-replacement", "weighted", "sampler")


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs x (n, …) in the network's dtype and y (n, …), int64 labels or targets of that dtype.

    Each is a tensor, or a tuple or dict of tensors, as `batches` knows them.

    Where training reads them anew each time, x and y hold ``readings`` fixed readings of all n one after the
    other.

    Attributes:
        weights: probabilities (n,), float64, with which training draws them; None: all alike.
        reader: reads examples anew; None where they are always the same.
    """

    x: Any
    y: Any
    weights: Tensor | None = None
    readings: int = 1
    reader: Reader | None = None

    def __len__(self) -> int:
        return length(self.x) // self.readings

    @property
    def shares(self) -> Tensor | None:
        """Weights of the rows of x."""
        return None if self.weights is None else self.weights.repeat(self.readings) / self.readings

    @property
    def labelled(self) -> bool:
        """Whether y holds one whole-number label for each example."""
        return torch.is_tensor(self.y) and self.y.ndim == 1 and not self.y.is_floating_point()

    def accuracy(self, module: Any, loss_fn: Any, test: Examples | None) -> Accuracy | None:
        """What accuracy means for a network and its loss on these examples and those of the test."""
        held = [part.y for part in (self, test) if part is not None and torch.is_tensor(part.y)]
        labels = torch.cat([y.reshape(-1).double() for y in held]) if held else None
        return accuracy_of(module, loss_fn, rows_of(self.x, slice(2)), rows_of(self.y, slice(2)), labels)


@dataclass(frozen=True)
class Order:
    """How batches are taken from the examples.

    Attributes:
        batch_size: B, or None for full batch.
        sampling: one of `SAMPLINGS`, "weighted", "sampler", or "none" for full batch.
        drop_last: whether an epoch leaves its incomplete last batch out.
        own: for "sampler" its batches, of which the first has B examples.
    """

    batch_size: int | None
    sampling: str
    drop_last: bool
    own: CustomOrder | None = field(default=None, repr=False)

    def per_epoch(self, n: int) -> float:
        """Steps to an epoch of n examples."""
        if self.batch_size is None:
            return 1.0
        if self.sampling in _ENDLESS:
            return n / self.batch_size
        return float(n // self.batch_size if self.drop_last else -(-n // self.batch_size))


def check_sampling(sampling: str) -> None:
    """Refuse an order that is none of `SAMPLINGS`.

    Raises:
        RunError: naming it.
    """
    one_of(sampling, SAMPLINGS, "sampling", RunError)


def batch_order(train: Any, examples: Examples, batch_size: int | None, sampling: str) -> Order:
    """The order that a recipe asks for; a DataLoader brings its own.

    Raises:
        RunError: out of range, or a batch size or sampling beside a DataLoader that has another.
    """
    n = len(examples)
    drop_last, own = True, None
    if isinstance(train, DataLoader):
        name = own_sampler(train)
        if name is None:
            size, sampling, drop_last = loader_order(train, n)
        else:
            own = CustomOrder(train, name, n)
            size, sampling = own.check(), "sampler"
        if batch_size is not None and batch_size != size:
            raise RunError(f"batch_size={batch_size}, but the DataLoader has {size}: leave batch_size out")
        batch_size = None if size >= n and sampling not in _ENDLESS else size
    elif examples.weights is not None:
        if batch_size is None:
            raise RunError("weights need batch_size: the full batch holds every example once")
        if sampling not in ("epoch", "with-replacement"):
            raise RunError(f"weights draw with replacement, not by sampling={sampling!r}: leave sampling out")
        sampling = "weighted"
    # Drawn by weights or by a sampler, a batch may be larger than the data set.
    most = math.inf if sampling in ("weighted", "sampler") else n
    if batch_size is not None and not 1 <= batch_size <= most:
        raise RunError(
            f"batch_size must be 1 to {n} (the training examples), or None for full batch, got {batch_size}"
        )
    return Order(batch_size, "none" if batch_size is None else sampling, drop_last, own)


def with_weights(
    examples: Examples, train: Any, weights: ArrayLike | Tensor | Weighting | str | None
) -> Examples:
    """The examples with the probabilities by which training draws them; those of weight 0 are left out.

    Args:
        train: as given to `record`; a DataLoader may bring weights.
        weights: of `record`.

    Raises:
        RunError: weights that don't fit, or beside a DataLoader.
    """
    name = "weights"
    if isinstance(train, DataLoader):
        if weights is not None:
            raise RunError("weights beside a DataLoader: give its WeightedRandomSampler instead")
        weights, name = loader_weights(train), "train: the weights of the sampler"
    if weights is None:
        return examples
    found = probabilities(weights, examples.y, name)
    drawn = torch.nonzero(found > 0)[:, 0]
    reader = None if examples.reader is None else examples.reader.among(drawn)
    x, y = rows_of(examples.x, drawn), rows_of(examples.y, drawn)
    return replace(examples, x=x, y=y, weights=found[drawn], reader=reader)


def read_anew(
    examples: Examples, augment: Augment | None, batch_size: int | None, seed: Callable[[int], int]
) -> Examples:
    """The examples as training reads them anew each time, where it does: at least 2,000 readings in all.

    Args:
        augment: of `record`.
        batch_size: examples that are read together; None: all.
        seed: number → seed of a batch.

    Raises:
        RunError: an augmentation that fails, or that its seed does not decide.
    """
    reader, n = examples.reader, len(examples)
    if augment is not None:
        reader = reader or Reader(lambda rows: (rows_of(examples.x, rows), rows_of(examples.y, rows)))
        reader = replace(reader, augment=augment, name="augment")
    if reader is None:
        return examples
    reader.check(n, seed(0))
    number, readings = iter(range(1, 2**62)), readings_of(n)
    parts = [
        reader.read_in_batches(torch.arange(n), batch_size or n, lambda: seed(next(number)))
        for _ in range(readings)
    ]
    x, y = joined([x for x, _ in parts]), joined([y for _, y in parts])
    return replace(examples, x=x, y=y, readings=readings, reader=reader)


def training_and_test(
    train: Any, test: Any, parameter: Tensor | torch.dtype, seed: int | None = None,
    unpack: Unpack | None = None,
) -> tuple[Examples, Examples | None]:  # fmt: skip
    """Read the arguments train and test of `record`; a `sdesim.data.Dataset` brings its own test examples.

    Training examples may differ at each reading only with a seed, under which they are read here.

    Args:
        parameter, seed, unpack: as of `read_examples`.
    """
    train, test = loaded(train), loaded(test)
    if isinstance(train, Dataset):
        if test is None and len(train.x_test):
            test = (train.x_test, train.y_test)
        train = (train.x_train, train.y_train)
    if isinstance(test, Dataset):
        test = (test.x_test, test.y_test)
    held_out = None if test is None else read_examples(test, "test", parameter, unpack=unpack)
    return read_examples(train, "train", parameter, seed, unpack), held_out


def read_examples(
    source: Any, name: str, parameter: Tensor | torch.dtype, seed: int | None = None,
    unpack: Unpack | None = None,
) -> Examples:  # fmt: skip
    """Return all of a pair (X, y), of tensors held as one batch, a torch Dataset or a DataLoader.

    Args:
        name: what the user called the source, for messages.
        parameter: of the network, whose dtype and device the examples get; or a dtype, on the CPU.
        seed: of readings, where examples may differ at each.
        unpack: batch, as the source gives or collates it → (x, y), where it is no pair.

    Raises:
        RunError: if it is none of these, is empty, X and y differ in length, or examples differ at each
            reading and there is no seed.
    """
    check_source(source, name)
    whole, reader = held_whole(source, name), None
    if whole is not None:
        x, y = as_pair(whole, name, unpack)
    elif isinstance(source, IterableDataset):
        raise RunError(f"{name}: an iterable data set has no fixed examples: pass (X, y) or a torch Dataset")
    elif isinstance(source, DataLoader) or (hasattr(source, "__getitem__") and hasattr(source, "__len__")):
        loader = isinstance(source, DataLoader)
        rows = loader_rows(source, name) if loader else list(range(len(source)))
        if not rows:
            raise RunError(f"{name} is empty: it must have at least one example")
        with undisturbed(0, source):
            other = differing(source, rows, name, unpack)
        if other is not None and seed is None:
            raise RunError(
                f"{name} gives another example {other} at each reading: give it without its random transforms"
            )
        if other is not None and seed is not None:
            reader = _reader(source, rows, name, parameter, unpack)
            x, y = reader.read(torch.arange(len(rows)), seed)
        elif (read := None if unpack else _by_workers(source, rows, name)) is not None:
            x, y = read
        else:
            collate, data = (source.collate_fn, source.dataset) if loader else (default_collate, source)
            x, y = collated(collate, [item(data, i, name) for i in rows], name, unpack)
    else:
        raise RunError(
            f"{name} must be (X, y), a torch Dataset with a length, a DataLoader or a sdesim.data.Dataset, "
            f"got {type(source).__name__}"
        )
    if not length(x):
        raise RunError(f"{name} is empty: it must have at least one example")
    x, y = cast(x, y, parameter)
    return Examples(x, y, reader=reader)


def cast(x: Any, y: Any, parameter: Tensor | torch.dtype) -> tuple[Any, Any]:
    """Floating numbers in the dtype of a parameter, labels as int64, all on its device."""
    dtype, device = (
        (parameter.dtype, parameter.device) if isinstance(parameter, Tensor) else (parameter, "cpu")
    )

    def label(part: Tensor) -> Tensor:
        return part if part.is_floating_point() or part.is_complex() else part.long()

    return moved(x, dtype, device), mapped(moved(y, dtype, device), label)


def _reader(
    source: Any, rows: Sequence[int], name: str, parameter: Tensor | torch.dtype, unpack: Unpack | None
) -> Reader:
    """A reader of the examples ``rows`` of a Dataset or DataLoader, collated as a loader would."""
    samples, numbers = LoaderExamples(source, name, unpack), np.asarray(rows, dtype=np.int64)

    def several(batches: list[tuple[Tensor, int]]) -> list[tuple[Any, Any]]:
        # The generators of the whole loader follow a seed, as in a reading one by one.
        pairs = fetched(samples, [(numbers[some.numpy()], seed) for some, seed in batches], source)
        return [cast(x, y, parameter) for x, y in pairs]

    return Reader(
        lambda some: cast(*samples.take(numbers[some.numpy()]), parameter),
        held=(source,),
        name=name,
        several=several if samples.workers else None,
    )


def _by_workers(source: Any, rows: Sequence[int], name: str) -> tuple[Any, Any] | None:
    """x and y of all examples of a loader whose workers can read them; None where this process must."""
    if not isinstance(source, DataLoader) or source.collate_fn is not default_collate:
        return None
    samples, numbers = LoaderExamples(source, name), np.asarray(rows, dtype=np.int64)
    if not samples.workers or samples.batch_size is None:
        return None
    jobs = np.split(numbers, range(samples.batch_size, len(numbers), samples.batch_size))
    pairs = fetched(samples, [(some, None) for some in jobs])
    shapes = [[part.shape[1:] for part in leaves(pair)] for pair in pairs]
    # Examples of several shapes are told of where all are collated together.
    if any(found != shapes[0] for found in shapes):
        return None
    return joined([x for x, _ in pairs]), joined([y for _, y in pairs])


def batches_of(examples: Examples, order: Order, seed: int) -> Batches | CustomBatches:
    """The minibatches of a training from its first on."""
    if order.own is not None:
        return CustomBatches(order.own, seed)
    return Batches(examples, order, torch.Generator().manual_seed(seed))


class Batches:
    """Indices (B,) of one minibatch after another, without end; None stands for all n examples.

    "epoch" walks through a new shuffle of all examples each epoch, "sequential" through the same order;
    "with-replacement" draws B independent examples each time, "weighted" by the examples' weights.
    """

    def __init__(self, examples: Examples, order: Order, generator: torch.Generator) -> None:
        self._n, self._kind, self._generator = len(examples), order, generator
        self._rising = None if examples.weights is None else cumulative(examples.weights)
        self._walk: Tensor | None = None
        self._at = 0

    def next(self) -> Tensor | None:
        """The next minibatch."""
        size = self._kind.batch_size
        if size is None:
            return None
        if self._kind.sampling == "with-replacement":
            return torch.randint(self._n, (size,), generator=self._generator)
        if self._rising is not None:
            return draw_weighted(self._rising, size, self._generator)
        least = size if self._kind.drop_last else 1
        if self._walk is None or self._at + least > self._n:
            self._walk = self._shuffled()
        rows = self._walk[self._at : self._at + size]
        self._at += size
        return rows

    def unseen(self) -> Tensor | None:
        """The examples (n,) out of which the next minibatch is taken without replacement: those left in the
        epoch, all where the next begins one; None where each draw is out of all examples."""
        size = self._kind.batch_size
        if size is None or self._kind.sampling in _ENDLESS:
            return None
        least = size if self._kind.drop_last else 1
        if self._walk is None or self._at + least > self._n:
            return torch.arange(self._n)
        return self._walk[self._at :]

    def branch(self, rng: np.random.Generator) -> Batches:
        """Another future of the same law: what was seen in the epoch stays seen, all else is drawn anew.

        Args:
            rng: decides the future; this walk is not advanced.
        """
        other = copy.copy(self)
        other._generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        if self._walk is not None and self._kind.sampling != "sequential":
            left = self._walk[self._at :]
            left = left[torch.randperm(len(left), generator=other._generator)]
            other._walk = torch.cat([self._walk[: self._at], left])
        return other

    def _shuffled(self) -> Tensor:
        self._epoch, self._at = self._generator.get_state(), 0
        if self._kind.sampling == "sequential":
            return torch.arange(self._n)
        return torch.randperm(self._n, generator=self._generator)

    def state(self) -> dict[str, Any]:
        """Place in the epoch, and the generator as it was when the epoch began."""
        begun = self._walk is not None
        return {"at": self._at if begun else -1,
                "generator": self._epoch if begun else self._generator.get_state()}  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._generator.set_state(state["generator"])
        if state["at"] >= 0:
            self._walk = self._shuffled()
            self._at = int(state["at"])
