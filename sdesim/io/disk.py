"""How much room there is on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from sdesim.io import memory
from sdesim.io.places import Place, Remote


def free_disk(path: str | Place) -> float:
    """Bytes that can still be written where a path is or is to be; infinite where nothing is known, or where
    sizes are taken as they are (`memory.forced`)."""
    if memory.is_forced() or isinstance(path, Remote):
        return float("inf")
    place = Path(path).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return float(shutil.disk_usage(place).free)
    except OSError:
        return float("inf")
