"""Examples out of a training's own data, drawn so that the training can't notice."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    default_collate,
)

from sdesim.compiled.streams import NUMPY, TORCH, own_seed
from sdesim.data import Dataset
from sdesim.errors import RunError
from sdesim.training.data.batches import equal, length, moved, rows_of
from sdesim.training.data.collation import (
    AGAIN,
    TRIED,
    Unpack,
    as_pair,
    check_source,
    collate_once,
    held_whole,
    item,
)
from sdesim.training.data.loaders import loaded, own_sampler

Rows = NDArray[np.int64]
# How deep, and in how long a list, generators of a data set are looked for.
_DEPTH, _LENGTH = 4, 64
# What of a loader decides how its workers run.
_WORKERS = ("num_workers", "multiprocessing_context", "worker_init_fn", "timeout")


class LoaderExamples:
    """The examples behind a loader, by index; the loader itself and its samplers are never advanced.

    Args:
        source: a DataLoader, (X, y), tensors held as one batch, a torch Dataset with a length, or a
            `sdesim.data.Dataset`.
        name: what the user called it, for messages.
        unpack: collated batch → (x, y), where batches are not pairs already.

    Raises:
        RunError: a source that is none of these, or whose examples have no numbers.

    Attributes:
        batch_size: of the loader, None where the source has none.
        weights: probabilities (n,) of the loader's sampler, None where all examples are alike.
        sampling: how the loader draws: "epoch", "sequential", "with-replacement", "weighted", "sampler"
            for one whose law is not known, "unknown" where there is no loader.
        epoch_size: draws in an epoch of the loader, 0 where it does not tell.
        workers: settings of the loader for its worker processes, empty where it has none.
        flags: `sampler_ignored` where examples are drawn uniformly although the loader's sampler does not.
    """

    def __init__(self, source: Any, name: str = "loader", unpack: Unpack | None = None) -> None:
        self._name, self._unpack = name, unpack
        self.batch_size: int | None = None
        self.flags: tuple[str, ...] = ()
        self.workers: dict[str, Any] = {}
        self.sampling, self.epoch_size, self._ragged = "unknown", 0, False
        self._collate: Callable[[Any], Any] = default_collate
        self._rows: Rows | None = None
        self.weights: NDArray[np.float64] | None = None
        check_source(source, name)
        if isinstance(source, DataLoader):
            self._read_loader(source)
            source = source.dataset
        source = loaded(source)
        if isinstance(source, Dataset):
            source = (source.x_train, source.y_train)
        if isinstance(source, IterableDataset):
            raise RunError(
                f"{name}: an iterable data set can't be sampled without advancing it: pass (X, y), or a data "
                "set with a length and numbered examples"
            )
        self.data = source
        # Collated by default, all examples held are a batch as a loader would give it.
        self._whole = held_whole(source, name) if self._collate is default_collate else None
        if self._whole is not None:
            size = length(as_pair(self._whole, name, unpack)[0])
        elif hasattr(source, "__getitem__") and hasattr(source, "__len__"):
            size = len(source)
        else:
            raise RunError(
                f"{name} must be a DataLoader, (X, y) or a Dataset with a length, got {type(source).__name__}"
            )
        self._size = size if self._rows is None else len(self._rows)
        if not self._size:
            raise RunError(f"{name} is empty: it must have at least one example")
        if self.weights is not None and len(self.weights) != self._size:
            raise RunError(
                f"{name}: the sampler has {len(self.weights)} weights, the data set {self._size} examples"
            )

    def __len__(self) -> int:
        return self._size

    @property
    def last_batch(self) -> int:
        """Examples of a smaller batch at the end of each of the loader's epochs, 0 where there is none."""
        return self.epoch_size % self.batch_size if self._ragged and self.batch_size else 0

    def _read_loader(self, loader: DataLoader[Any]) -> None:
        batch = loader.batch_size or getattr(loader.batch_sampler, "batch_size", None)
        self.batch_size = None if batch is None else int(batch)
        if loader.batch_sampler is None:
            raise RunError(
                f"{self._name}: the DataLoader does not batch: give it batch_size or a batch_sampler"
            )
        self._collate = loader.collate_fn
        if loader.num_workers:
            self.workers = {name: getattr(loader, name) for name in _WORKERS}
        sampler: Any = getattr(loader.batch_sampler, "sampler", loader.sampler)
        independent = bool(getattr(sampler, "replacement", False))
        if own_sampler(loader) is not None:
            self.sampling, self.flags = "sampler", ("sampler_ignored",)
            return
        if isinstance(sampler, SubsetRandomSampler):
            self._rows = np.asarray(list(sampler.indices), dtype=np.int64)
        weighted = isinstance(sampler, WeightedRandomSampler)
        if weighted and independent:
            weights = sampler.weights.double().cpu().numpy()
            self.weights = weights / weights.sum()
            self.sampling = "weighted"
        elif weighted:
            self.sampling, self.flags = "sampler", ("sampler_ignored",)
        elif independent:
            self.sampling = "with-replacement"
        else:
            self.sampling = "sequential" if isinstance(sampler, SequentialSampler) else "epoch"
        # Independent draws too end an epoch with what is left of their number.
        self.epoch_size = len(sampler)
        self._ragged = not getattr(loader.batch_sampler, "drop_last", True)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> Rows:
        """Numbers of independent examples, with the sampler's weights."""
        if self.weights is not None:
            return rng.choice(len(self.weights), size=shape, p=self.weights)
        drawn = rng.integers(0, self._size, size=shape)
        return drawn if self._rows is None else self._rows[drawn]

    def some(self, count: int, rng: np.random.Generator) -> Rows:
        """All examples, or ``count`` different ones of more.

        Under weights: all that have some, or ``count`` independent ones of more.
        """
        if self.weights is not None:
            return np.flatnonzero(self.weights) if count >= self._size else self.draw((count,), rng)
        chosen = np.arange(self._size)
        if count < self._size:
            chosen = np.sort(rng.choice(self._size, size=count, replace=False))
        return chosen if self._rows is None else self._rows[chosen]

    def fixed(self) -> bool:
        """Whether a few examples are the same whenever they are read, and in whatever batch."""
        if self._whole is not None and self._unpack is None:
            return True
        few = (np.arange(self._size) if self._rows is None else self._rows)[:TRIED]
        again = np.arange(AGAIN) % len(few)
        first, second = self.take(few), self.take(few[again])
        return equal(rows_of(first, torch.from_numpy(again)), second) and not self.padded()

    def padded(self) -> bool:
        """Whether an example comes out otherwise when it is collated alone."""
        few = (np.arange(self._size) if self._rows is None else self._rows)[:TRIED]
        together = self.take(few)
        return not all(
            equal(rows_of(together, slice(i, i + 1)), self.take(few[i : i + 1])) for i in range(len(few))
        )

    def take(self, rows: Rows) -> tuple[Any, Any]:
        """x and y of these examples, collated and unpacked as one batch.

        Raises:
            RunError: the examples give no pair of tensors (or tuples or dicts of them).
        """
        if self._whole is not None:
            x, y = as_pair(rows_of(self._whole, torch.from_numpy(rows)), self._name, self._unpack)
        else:
            numbers = [int(i) for i in rows]
            # Data sets that can fetch many at once are asked as a loader would ask them.
            several = getattr(self.data, "__getitems__", None)
            items = (
                several(numbers) if callable(several) else [item(self.data, i, self._name) for i in numbers]
            )
            x, y = collate_once(self._collate, items, self._name, self._unpack)
        return moved(x), moved(y)


@contextmanager
def undisturbed(seed: int, *data: Any, apart: bool = False) -> Iterator[None]:
    """All random numbers inside come from ``seed``; every generator is as it was found afterwards.

    The generators: torch's on the CPU, NumPy's and Python's global ones, and those that the data sets hold.

    Args:
        apart: whether a generator of torch's with this very seed is used inside, so that the global one needs
            numbers of its own.
    """
    held = list(_generators(data, _DEPTH))
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with ExitStack() as stack:
        stack.callback(random.setstate, python_state)
        stack.callback(np.random.set_state, numpy_state)
        for k, generator in enumerate(held):
            stack.callback(*_restoration(generator))
            _reseed(generator, seed + k)
        stack.enter_context(torch.random.fork_rng(devices=[]))
        torch.default_generator.manual_seed(own_seed(seed, TORCH) if apart else seed)
        random.seed(seed)
        # NumPy's would make the very numbers of torch's under the same seed.
        np.random.seed(own_seed(seed, NUMPY))  # noqa: NPY002
        yield


def _generators(thing: Any, depth: int) -> Iterator[Any]:
    """Random generators held by an object, its attributes, and their lists."""
    if isinstance(thing, torch.Generator | np.random.Generator | np.random.RandomState | random.Random):
        yield thing
        return
    if depth == 0 or isinstance(thing, Tensor | np.ndarray | str | bytes | type):
        return
    parts: Any = ()
    if isinstance(thing, list | tuple):
        parts = thing[:_LENGTH]
    elif isinstance(thing, dict):
        parts = list(thing.values())[:_LENGTH]
    elif hasattr(thing, "__dict__"):
        parts = list(vars(thing).values())
    for part in parts:
        yield from _generators(part, depth - 1)


def _reseed(generator: Any, seed: int) -> None:
    if isinstance(generator, torch.Generator):
        generator.manual_seed(seed)
    elif isinstance(generator, np.random.Generator):
        kind: Any = type(generator.bit_generator)
        generator.bit_generator.state = kind(seed).state
    elif isinstance(generator, np.random.RandomState):
        generator.seed(seed % 2**32)
    else:
        generator.seed(seed)


def _restoration(generator: Any) -> tuple[Any, ...]:
    """A function and its arguments that put a generator back to where it is now."""
    if isinstance(generator, torch.Generator):
        return generator.set_state, generator.get_state()
    if isinstance(generator, np.random.Generator):
        return setattr, generator.bit_generator, "state", generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.set_state, generator.get_state()
    return generator.setstate, generator.getstate()
