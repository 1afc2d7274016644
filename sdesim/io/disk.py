"""How much room there is on a disk."""

from __future__ import annotations

import shutil
from pathlib import Path

from sdesim.io import memory


def free_disk(path: str | Path) -> float:
    """Bytes that can still be written where a path is or is to be; infinite where nothing is known, or where
    sizes are taken as they are (`memory.forced`)."""
    if memory.is_forced():
        return float("inf")
    place = Path(path).absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return float(shutil.disk_usage(place).free)
    except OSError:
        return float("inf")
