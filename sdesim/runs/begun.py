"""The store of a run that an interruption left, checked before anything is written into it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sdesim.errors import RunError, first_line
from sdesim.runs.checked_store import (
    MANIFEST,
    TAIL,
    UNREADABLE,
    CheckedStore,
    check_own,
    checksum,
    described,
)

# Along these a chunk is written bit by bit.
_GROWING = ("step", "probe")


def begun_group(store: CheckedStore, describe: Callable[[Any], Any]) -> tuple[Any, dict[str, str]]:
    """The Zarr group of an interrupted run that a checkpoint goes on with.

    Args:
        store: where it lies. describe: makes the arrays of the run in a group, without their values.

    Returns:
        The group, and the chunks that had been written, with their checksums.

    Raises:
        RunError: an array is not as the run makes it, or a chunk that the checkpoint relies on is missing or
            not as it was written.
    """
    import zarr
    from zarr.storage import MemoryStore

    made = zarr.open_group(MemoryStore(), mode="w", zarr_format=3)
    describe(made)
    try:
        group: Any = zarr.open_group(store, mode="r+")
        written = dict(json.loads(group.attrs[MANIFEST])["written"])
    except UNREADABLE as error:
        how = f"{type(error).__name__}: {first_line(error)}"
        raise RunError(f"{store.root} can't be gone on with ({how}): remove it, and start again") from error
    for name, array in described(store.root, group, sorted(made.array_keys())):
        # As texts: a NaN among the fill values is not equal to itself.
        if str(array.metadata.to_dict()) != str(made[name].metadata.to_dict()):
            raise RunError(f"{store.root}: the description of {name} is not the one that was written")
    check_own(store.root, written, lambda key, data, known: _grown(group[key.split("/")[0]], data, known))
    return group, written


def _grown(array: Any, data: bytes, known: str) -> bool:
    """Whether a chunk is the one of this checksum with more saved points, or readings, in it: a run leaves it
    so that was stopped after it had written on, and before it noted that."""
    axis = next((k for k, name in enumerate(array.metadata.dimension_names) if name in _GROWING), None)
    if axis is None or len(data) != TAIL + math.prod(array.chunks) * array.dtype.itemsize:
        return False
    values = np.frombuffer(data[:-TAIL], dtype=array.dtype).reshape(array.chunks).copy()
    points = np.moveaxis(values, axis, 0)
    for k in reversed(range(len(points))):
        points[k] = array.fill_value
        if checksum(values.tobytes()) == known:
            return True
    return False
