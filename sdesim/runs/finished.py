"""Runs that are whole, before something goes on with them: every byte is looked at once."""

from __future__ import annotations

from sdesim.errors import RunError, first_line
from sdesim.io.lock import clear_dead, lock_beside
from sdesim.io.places import Place


def check_finished(path: Place) -> None:
    """Read all chunks of a stored run and hold them against its manifest; take away the lock of a writer that
    was killed after its last byte.

    That is one pass over all that is stored. At a URL it is a look at the end of each chunk: what lies before
    that is held against its checksum when it is read. Of a run without a manifest (version 1) nothing is
    known.

    Args:
        path: of an ``<arm>.zarr``.

    Raises:
        RunError: it is not there, not whole, can't be read, or is not as it was written.
    """
    from sdesim.runs.checked_store import UNREADABLE, check_own, opened

    if not path.exists():
        raise RunError(f"no run at {path}")
    try:
        store, attrs = opened(path)
    except UNREADABLE as error:
        raise RunError(f"{path} can't be read as a run: {first_line(error)}") from error
    if not attrs.get("complete"):
        raise RunError(f"{path} was not finished")
    if store.whole:
        check_own(path, store.expected, lambda key, data, known: False)
    clear_dead(lock_beside(path))
