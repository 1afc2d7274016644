"""The store of a run that an interruption left, checked before anything is written into it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sdesim.errors import RunError, first_line
from sdesim.runs.checked_store import MANIFEST, UNREADABLE, CheckedStore, check_own, described


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
    check_own(store.root, written)
    return group, written
