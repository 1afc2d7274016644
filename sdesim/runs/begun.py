"""The store of a run that an interruption left, checked before anything is written into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from sdesim.errors import RunError, first_line
from sdesim.runs.checked_store import MANIFEST, UNREADABLE, CheckedStore, check_own, described

# Along these a run grows.
_GROWS = ("step", "probe")


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
    dims: dict[str, tuple[str | None, ...]] = {}
    for name, array in described(store.root, group, sorted(made.array_keys())):
        # As texts: a NaN among the fill values is not equal to itself.
        if str(array.metadata.to_dict()) != str(made[name].metadata.to_dict()):
            raise RunError(f"{store.root}: the description of {name} is not the one that was written")
        dims[name] = tuple(array.metadata.dimension_names or ())
    check_own(store.root, written, _growing(written, dims))
    return group, written


def _growing(written: Mapping[str, str], dims: Mapping[str, tuple[str | None, ...]]) -> set[str]:
    """Of chunks that were noted, those into which later steps or probes went between the note and the kill.

    Steps and probes come one after another, so that these are the last ones along them; a chunk with another
    one behind it is full. What is noted of a chunk that has grown is of its first part, which is written
    again with the rest.
    """
    last: dict[tuple[str, ...], tuple[int, str]] = {}
    for key in written:
        name, place = key.split("/")[0], key.split("/")[2:]
        axes = [k for k, dim in enumerate(dims.get(name, ())) if dim in _GROWS and k < len(place)]
        # What names no chunk is missing, which is told.
        if axes and place[axes[0]].isdecimal():
            number = int(place.pop(axes[0]))
            rest = (name, *place)
            last[rest] = max(last.get(rest, (-1, "")), (number, key))
    return {key for _, key in last.values()}
