"""The state of an unfinished simulation beside its run, so that it can go on from there."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.tangent import Tangents
from sdesim.errors import RunError
from sdesim.io.files import atomic_write_bytes

_SECONDS = 10.0


class Checkpoint:
    """``<out>.checkpoint``: arrays of the state, the step they belong to, and whose they are.

    Args:
        out: path of the run.
        key: fingerprint of the simulation.
    """

    def __init__(self, out: Path, key: str) -> None:
        self.out = out
        self.path = out.with_name(out.name + ".checkpoint")
        self.key = key
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether ten seconds have gone by since the last one."""
        return time.monotonic() - self._last >= _SECONDS

    def save(self, step: int, ensemble: Any, tangents: Tangents | None = None) -> None:
        """Write the state, whole or not at all."""
        buffer = io.BytesIO()
        stored: dict[str, Any] = {**ensemble.portable(), "step": np.array(step), "key": np.array(self.key)}
        if tangents is not None:
            stored |= tangents.portable()
        np.savez(buffer, **stored)
        atomic_write_bytes(self.path, buffer.getvalue())
        self._last = time.monotonic()

    def load(self, accept: bool = False) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """(step, state) of an interrupted simulation, or None.

        Args:
            accept: whether one that other code made will do.

        Raises:
            RunError: if it is of a simulation with other arguments.
        """
        if not self.path.exists():
            return None
        with np.load(self.path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        if str(found.pop("key")) != self.key and not accept:
            raise RunError(f"{self.path.name} was begun with other arguments, so this run can't continue it")
        return int(found.pop("step")), found

    def remove(self) -> None:
        """Drop the file of a finished run."""
        self.path.unlink(missing_ok=True)
