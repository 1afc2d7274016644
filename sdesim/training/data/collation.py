"""From what a loader, a data set or its owner gives to pairs (x, y) of batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset, default_collate

from sdesim.errors import RunError, first_line
from sdesim.kinds.arrays import real_array
from sdesim.training.data.batches import Objective, equal, leaves, length, rows_of, takes_whole_batch

Unpack = Callable[[Any], Any]
# So many examples are read again, so often in all, to see whether they are the same ones: a flip of every
# second reading is missed with probability 2^-32.
TRIED, AGAIN = 8, 32


def whole_batch(unpack: Unpack | None) -> Unpack:
    """A batch as an `Objective` takes it: x is all of it, after ``unpack``, and y (n, 0) is empty."""

    def taken(batch: Any) -> tuple[Any, Tensor]:
        x = tensors(batch if unpack is None else unpack(batch))
        return x, torch.empty(length(x), 0)

    return taken


def reading(loss_fn: Any, unpack: Unpack | None) -> Unpack | None:
    """How batches become pairs (x, y): by ``unpack``, whole for an `Objective`, as they are for None."""
    return whole_batch(unpack) if takes_whole_batch(loss_fn) else unpack


def objective_or_loss(loss_fn: Any, objective: Callable[..., Any] | None) -> Any:
    """What stands for the loss of a step: loss_fn, or an `Objective`.

    Raises:
        RunError: both are given, or neither.
    """
    if objective is None:
        if loss_fn is None:
            raise RunError(
                "give loss_fn, called as loss_fn(module(x), y), or objective=, called with (module, batch)"
            )
        return loss_fn
    if not callable(objective):
        raise RunError(f"objective must be called with (module, batch), got {form(objective)}")
    if loss_fn is not None and getattr(loss_fn, "objective", None) is not objective:
        raise RunError("objective= takes the place of loss_fn: leave loss_fn None")
    return Objective(objective)


def check_source(source: Any, name: str) -> None:
    """Refuse what only says where data are.

    Raises:
        RunError: a path, a text, or nothing.
    """
    if isinstance(source, str | PurePath):
        raise RunError(
            f"{name} is a path, {str(source)!r}: read the file and pass (X, y), or pass "
            "sdesim.data.Arrays(file=…)"
        )
    if isinstance(source, type):
        raise RunError(f"{name} is the class {source.__name__}: pass one of it, (X, y) or a torch Dataset")
    if source is None:
        raise RunError(f"{name} is None: pass (X, y), a torch Dataset or a DataLoader")


def form(batch: Any) -> str:
    """What a batch is, in a few words."""
    if isinstance(batch, Mapping):
        return f"a dict of {', '.join(map(str, list(batch)[:6]))}"
    if isinstance(batch, tuple | list):
        return f"a {type(batch).__name__} of {len(batch)}"
    return "None" if batch is None else f"a {type(batch).__name__}"


def advice(batch: Any) -> str:
    """Which unpack would do, as far as the batch shows."""
    if isinstance(batch, Mapping) and len(batch) > 1:
        keys = list(batch)
        last = next((k for k in keys if str(k) in ("labels", "label", "y", "target", "targets")), keys[-1])
        first = [k for k in keys if k != last]
        x = f"batch[{first[0]!r}]" if len(first) == 1 else f"{{k: batch[k] for k in {first}}}"
        return f"unpack=lambda batch: ({x}, batch[{last!r}])"
    if isinstance(batch, tuple | list) and len(batch) > 2:
        return f"unpack=lambda batch: (tuple(batch[:{len(batch) - 1}]), batch[{len(batch) - 1}])"
    return "unpack=lambda batch: (x, y)"


def tensors(x: Any) -> Any:
    """Arrays, numbers and lists as tensors; tuples of arrays and mappings keep their form.

    Raises:
        RunError: what can be no tensor.
    """
    if torch.is_tensor(x):
        return x
    if isinstance(x, np.ma.MaskedArray):
        # Hidden entries become NaN, which no training takes unseen.
        return torch.as_tensor(real_array(x))
    if isinstance(x, Mapping):
        return {key: tensors(part) for key, part in x.items()}
    if isinstance(x, tuple | list) and x:
        arrays = all(torch.is_tensor(p) or isinstance(p, np.ndarray | Mapping | tuple | list) for p in x)
        if isinstance(x, tuple) and arrays and not all(isinstance(p, list) for p in x):
            return tuple(tensors(part) for part in x)
        if all(map(torch.is_tensor, x)) and any(p.ndim for p in x):
            return tuple(x)
    try:
        found = torch.as_tensor(x)
        # Torch's own memory is aligned alike in every process, by which products round.
        return found.clone() if isinstance(x, np.ndarray) and found.is_floating_point() else found
    except (TypeError, ValueError, RuntimeError):
        pass
    try:
        return torch.as_tensor(np.asarray(x))
    except (TypeError, ValueError, RuntimeError) as error:
        raise RunError(
            f"{form(x)} is no tensor: {first_line(error)}; pass unpack=lambda batch: (x, y)"
        ) from error


def as_pair(batch: Any, name: str, unpack: Unpack | None = None) -> tuple[Any, Any]:
    """x and y of a batch, each a tensor or a tuple or dict of them.

    Args:
        batch: as collated. name: what the user called its source. unpack: batch → (x, y), or None.

    Raises:
        RunError: no pair, or parts that are no tensors with a row for each example.
    """
    given = batch
    if unpack is not None:
        try:
            batch = unpack(batch)
        except RunError as error:
            raise RunError(f"{name}: {error}") from error
        except Exception as error:
            raise RunError(
                f"{name}: unpack fails on {form(given)}: {type(error).__name__}: {first_line(error)}"
            ) from error
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise RunError(f"{name}: unpack must return a pair (x, y), got {form(batch)}")
    elif not isinstance(batch, tuple | list) or len(batch) != 2:
        raise RunError(
            f"{name} must give pairs (x, y), got {form(batch)}: pass {advice(batch)}, or "
            "objective= for a loss of the whole batch"
        )
    try:
        x, y = (tensors(part) for part in batch)
        if any(part.device.type == "meta" for part in leaves((x, y))):
            raise RunError("a tensor on the device meta holds no numbers: pass one that does")
        if length(x) != length(y):
            raise RunError(f"X and y must be equally long, got {length(x)} and {length(y)} examples")
    except RunError as error:
        raise RunError(f"{name}: {error}") from error
    return x, y


def held_whole(source: Any, name: str) -> Any:
    """All examples as one batch, where they are given so: arrays, tuples or dicts of them; else None.

    Raises:
        RunError: parts that are not arrays.
    """
    if isinstance(source, TensorDataset):
        return tuple(source.tensors)
    arrays = (
        isinstance(source, tuple)
        and bool(source)
        and all(torch.is_tensor(part) or isinstance(part, np.ndarray | Mapping) for part in source)
    )
    if (
        not isinstance(source, Mapping)
        and not arrays
        and not (isinstance(source, tuple | list) and len(source) == 2)
    ):
        return None
    try:
        parts = (
            {k: tensors(p) for k, p in source.items()}
            if isinstance(source, Mapping)
            else tuple(map(tensors, source))
        )
    except RunError as error:
        raise RunError(f"{name}: {error}") from error
    return parts


def collate_once(
    collate: Callable[..., Any], items: list[Any], name: str, unpack: Unpack | None
) -> tuple[Any, Any]:
    """x and y of these items of a data set.

    Raises:
        RunError: they can't be collated, or give no pair.
    """
    try:
        made = collate(items)
    except Exception as error:
        if collate is not default_collate:
            raise RunError(
                f"{name}: collate_fn fails: {type(error).__name__}: {first_line(error)}"
            ) from error
        shapes = isinstance(error, RuntimeError) and "equal size" in str(error)
        what = "all examples must have one shape" if shapes else "examples must be arrays"
        raise RunError(f"{name}: {what}: {first_line(error)}") from error
    return as_pair(made, name, unpack)


def collated(
    collate: Callable[..., Any], items: list[Any], name: str, unpack: Unpack | None
) -> tuple[Any, Any]:
    """Collate all at once, where that is the same as batch by batch.

    Raises:
        RunError: a collate function or unpack that pads or mixes examples.
    """
    whole = collate_once(collate, items, name, unpack)
    if collate is default_collate and unpack is None:
        return whole
    few = min(TRIED, len(items))
    for start, stop in ((0, few), (0, 1), (len(items) - 1, len(items))):
        part = collate_once(collate, items[start:stop], name, unpack)
        if not equal(rows_of(whole, slice(start, stop)), part):
            made = "collate_fn" if unpack is None else "collate_fn or unpack"
            raise RunError(
                f"{name}: {made} makes of an example what depends on the rest of its batch, or on chance: "
                "give (X, y) as it should be"
            )
    return whole


def differing(source: Any, rows: Sequence[int], name: str, unpack: Unpack | None = None) -> int | None:
    """The first example of a Dataset or DataLoader, out of a few, that is another at another reading.

    Raises:
        RunError: if an example is no pair or can't be read.
    """
    loader = isinstance(source, DataLoader)
    collate, data = (source.collate_fn, source.dataset) if loader else (default_collate, source)

    def read(i: int) -> tuple[Any, Any]:
        return collate_once(collate, [item(data, i, name)], name, unpack)

    first = {i: read(i) for i in rows[:TRIED]}
    for i in (list(first) * AGAIN)[:AGAIN]:
        if not equal(first[i], read(i)):
            return i
    return None


def item(data: Any, index: int, name: str) -> Any:
    """An example of a data set.

    Raises:
        RunError: it can't be read.
    """
    try:
        return data[index]
    except Exception as error:
        raise RunError(
            f"{name}: example {index} can't be read: {type(error).__name__}: {first_line(error)}"
        ) from error


def finite(x: Any) -> Tensor | None:
    """Rows (n,) of x without a NaN; None where there is none at all."""
    missing: list[Tensor] = []
    for part in leaves(x):
        missing.append(part.isnan().reshape(len(part), -1).any(1))
    found = torch.stack(missing).any(0)
    return ~found if bool(found.any()) else None
