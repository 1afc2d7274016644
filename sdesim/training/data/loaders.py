"""What a torch DataLoader or Dataset holds, read once, and the order that the loader asks for."""

from __future__ import annotations

import sys
from typing import Any

from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

from sdesim.errors import RunError

_KNOWN = (RandomSampler, SequentialSampler, SubsetRandomSampler, WeightedRandomSampler)


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


def loader_weights(loader: DataLoader[Any]) -> Tensor | None:
    """The weights of a WeightedRandomSampler, None of any other sampler."""
    sampler = getattr(loader.batch_sampler, "sampler", None)
    if own_sampler(loader) is None and isinstance(sampler, WeightedRandomSampler):
        return sampler.weights
    return None


def own_sampler(loader: DataLoader[Any]) -> str | None:
    """The class of a loader's sampler or batch sampler, where it has no law that is known here."""
    batches, sampler = loader.batch_sampler, loader.sampler
    if batches is not None and type(batches) is not BatchSampler:
        return type(batches).__name__
    sampler = sampler if batches is None else batches.sampler
    return None if type(sampler) in (*_KNOWN, _accelerated()) else type(sampler).__name__


def _accelerated() -> Any:
    """Accelerate's shuffle, where it is in use: all examples anew in each epoch, as torch's own does."""
    return getattr(sys.modules.get("accelerate.data_loader"), "SeedableRandomSampler", None)


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
