"""What a torch DataLoader or Dataset holds, read once, and the order that the loader asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    default_collate,
)

from sdesim.errors import RunError, first_line

# So many examples are read again, so often in all, to see whether they are the same ones: a flip of every
# second reading is missed with probability 2^-32.
TRIED, AGAIN = 8, 32
_KNOWN = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)


def differing(source: Any, rows: Sequence[int], name: str) -> int | None:
    """The first example of a Dataset or DataLoader, out of a few, that is another at another reading.

    Raises:
        RunError: if an example is no pair or can't be read.
    """
    plain = not isinstance(source, DataLoader) or source.collate_fn is default_collate
    data = source.dataset if isinstance(source, DataLoader) else source

    def read(i: int) -> tuple[Tensor, Tensor]:
        return _pair(data, i, name) if plain else _collate(source.collate_fn, [data[i]], name)

    first = {i: read(i) for i in rows[:TRIED]}
    for i in (list(first) * AGAIN)[:AGAIN]:
        if not all(map(torch.equal, first[i], read(i))):
            return i
    return None


def pairs_of(source: Any, rows: Sequence[int], name: str) -> tuple[Tensor, Tensor]:
    """Examples of a Dataset as x (n, …) and y (n, …).

    Raises:
        RunError: if an example is no pair or can't be read.
    """
    pairs = [_pair(source, i, name) for i in rows]
    try:
        return torch.stack([x for x, _ in pairs]), torch.stack([y for _, y in pairs])
    except RuntimeError as error:
        raise RunError(f"{name}: all examples must have one shape: {first_line(error)}") from error


def _pair(source: Any, index: int, name: str) -> tuple[Tensor, Tensor]:
    item = source[index]
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise RunError(f"{name} must give pairs (x, y)")
    try:
        return torch.as_tensor(item[0]), torch.as_tensor(item[1])
    except (TypeError, ValueError, RuntimeError) as error:
        raise RunError(f"{name}: example {index} must be two arrays: {first_line(error)}") from error


def loaded(source: Any) -> Any:
    """The examples of a data set that is still a recipe; anything else as it is."""
    load = getattr(source, "load", None)
    return load() if callable(load) and not hasattr(source, "__getitem__") else source


def loader_rows(loader: DataLoader[Any], name: str) -> list[int]:
    """The examples of its Dataset that a DataLoader takes, in their order.

    Raises:
        RunError: an IterableDataset, a loader that does not batch, or a sampler without a law.
    """
    if isinstance(loader.dataset, IterableDataset):
        raise RunError(f"{name}: a DataLoader of an IterableDataset has no fixed examples: give a Dataset")
    if loader.batch_sampler is None:
        raise RunError(f"{name}: the DataLoader does not batch: give it batch_size or a batch_sampler")
    own, sampler = own_sampler(loader), getattr(loader.batch_sampler, "sampler", None)
    if own is None and isinstance(sampler, WeightedRandomSampler) and not sampler.replacement:
        raise RunError(
            f"{name}: WeightedRandomSampler without replacement has no fixed law: give replacement=True"
        )
    rows = list(range(len(loader.dataset)))  # type: ignore[arg-type]
    if own is None and isinstance(sampler, SubsetRandomSampler):
        rows = [int(i) for i in sampler.indices]
    if not rows:
        raise RunError(f"{name}: the DataLoader has no examples")
    return rows


def loader_pairs(loader: DataLoader[Any], rows: Sequence[int], name: str) -> tuple[Tensor, Tensor]:
    """Examples of a DataLoader as its collate function makes them.

    Raises:
        RunError: a collate function that pads or mixes examples.
    """
    if loader.collate_fn is default_collate:
        return pairs_of(loader.dataset, rows, name)
    return _collated(loader.collate_fn, [loader.dataset[i] for i in rows], name)


def _collated(collate: Callable[..., Any], items: list[Any], name: str) -> tuple[Tensor, Tensor]:
    """Collate all at once, where that is the same as batch by batch."""
    whole = _collate(collate, items, name)
    few = min(TRIED, len(items))
    for start, stop in ((0, few), (0, 1), (len(items) - 1, len(items))):
        for all_, part in zip(whole, _collate(collate, items[start:stop], name), strict=True):
            if not torch.equal(all_[start:stop], part):
                raise RunError(
                    f"{name}: collate_fn makes of an example what depends on the rest of its batch, or on "
                    "chance: give (X, y) as it should be"
                )
    return whole


def _collate(collate: Callable[..., Any], items: list[Any], name: str) -> tuple[Tensor, Tensor]:
    made = collate(items)
    if not isinstance(made, tuple | list) or len(made) != 2:
        raise RunError(f"{name}: collate_fn must return a pair (x, y)")
    return torch.as_tensor(made[0]), torch.as_tensor(made[1])


def loader_weights(loader: DataLoader[Any]) -> Tensor | None:
    """The weights of a WeightedRandomSampler, None of any other sampler."""
    sampler = getattr(loader.batch_sampler, "sampler", None)
    if own_sampler(loader) is None and isinstance(sampler, WeightedRandomSampler):
        return sampler.weights
    return None


def own_sampler(loader: DataLoader[Any]) -> str | None:
    """The class of a loader's sampler or batch sampler, where it is none of torch's with a law known here."""
    batches, sampler = loader.batch_sampler, loader.sampler
    if batches is not None and type(batches) is not BatchSampler:
        return type(batches).__name__
    sampler = sampler if batches is None else batches.sampler
    return None if type(sampler) in _KNOWN else type(sampler).__name__


def loader_order(loader: DataLoader[Any], n: int) -> tuple[int, str, bool]:
    """(batch size, sampling, drop_last) of a DataLoader over n examples.

    Independent draws know no epoch: every batch of theirs is whole. Not for samplers of the user's own.

    Raises:
        RunError: a sampler of fewer or more draws than examples, or no whole batch.
    """
    batches: Any = loader.batch_sampler
    sampler, size, drop_last = batches.sampler, batches.batch_size, batches.drop_last
    independent = getattr(sampler, "replacement", False)
    count = sampler.num_samples if independent else n
    if drop_last and size > count:
        raise RunError(
            f"the DataLoader yields no batch: {count} examples at batch_size={size} with drop_last=True; "
            "lower batch_size or set drop_last=False"
        )
    if independent:
        kind = "weighted" if isinstance(sampler, WeightedRandomSampler) else "with-replacement"
        return min(size, count), kind, drop_last
    if isinstance(sampler, RandomSampler) and sampler.num_samples != n:
        raise RunError(
            f"the DataLoader's sampler draws {sampler.num_samples} of {n} examples: leave num_samples out"
        )
    kind = "sequential" if isinstance(sampler, SequentialSampler) else "epoch"
    return size, kind, drop_last
