"""What a kill of the machine may leave: a torn chunk, and a clock that is set back."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# Seconds that a clock may be set back.
_DAY = 86_400.0


def tear(out: Path, rng: random.Random) -> tuple[str, bool] | None:
    """Cut off the chunk that was written last, as where it was not on the disk yet; None without chunks.

    Returns:
        The chunk, and whether the run relies on it, because it is whole or has a checkpoint after it: then it
        has to be refused, else that place is written anew.
    """
    chunks = [
        (p.stat().st_mtime_ns, p) for p in out.rglob("c/**/*") if p.is_file() and p.suffix != ".partial"
    ]
    if not chunks:
        return None
    file = max(chunks)[1]
    store = next(p for p in file.parents if p.suffix == ".zarr")
    chunk, relied = str(file.relative_to(store)), False
    with suppress(OSError, ValueError, KeyError):
        attributes = json.loads((store / "zarr.json").read_text(encoding="utf-8"))["attributes"]
        relied = attributes["complete"] or chunk in json.loads(attributes["manifest"])["written"]
    os.truncate(file, rng.randrange(max(1, file.stat().st_size)))
    return chunk, relied


def clock_set_back(rng: random.Random) -> Callable[[], None]:
    """What sets the clock of a new process back by up to a day: files then lie in its future."""
    back = rng.uniform(0.0, _DAY)

    def set_back() -> None:
        now, now_ns = time.time, time.time_ns
        then: dict[object, object] = {now: lambda: now() - back, now_ns: lambda: now_ns() - int(back * 1e9)}
        # Modules that took the functions out of `time` must not be left in another time than the others.
        for module in list(sys.modules.values()):
            for name, value in list(vars(module).items()):
                if value is now or value is now_ns:
                    setattr(module, name, then[value])

    return set_back
