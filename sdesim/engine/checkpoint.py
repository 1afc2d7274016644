"""The state of an unfinished simulation beside its run, so that it can go on from there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.tangent import Tangents
from sdesim.errors import RunError
from sdesim.io.sealed import read_sealed, write_sealed

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
        stored: dict[str, Any] = {**ensemble.portable(), "step": np.array(step), "key": np.array(self.key)}
        if tangents is not None:
            stored |= tangents.portable()
        write_sealed(self.path, stored)
        self._last = time.monotonic()

    def load(
        self, ensemble: Any, tangents: Tangents | None, begin: int, steps: int, accept: bool = False
    ) -> tuple[int, dict[str, NDArray[Any]]]:  # fmt: skip
        """(step, state) of an interrupted simulation.

        Args:
            ensemble, tangents: that are to take it up. begin, steps: between which its step lies.
            accept: whether one that other code made will do.

        Raises:
            RunError: it is of a simulation with other arguments, can't be read, or is no state of this one.
        """
        advice = f"remove it and {self.out.name}, and start again"
        found = read_sealed(self.path, advice)
        key, step = str(found.pop("key", "")), found.pop("step", np.array(-1))
        if key != self.key and not accept:
            raise RunError(f"{self.path.name} was begun with other arguments, so this run can't continue it")
        if step.shape != () or step.dtype.kind != "i" or not begin <= step <= steps:
            raise RunError(f"{self.path} is of a step that this simulation doesn't have: {advice}")
        for name, array in (ensemble.portable() | ({} if tangents is None else tangents.portable())).items():
            held = found.get(name)
            if held is None or held.shape != array.shape or held.dtype != array.dtype:
                raise RunError(f"{self.path} has no {name} of this simulation: {advice}")
        return int(step), found

    def remove(self) -> None:
        """Drop the file of a finished run."""
        self.path.unlink(missing_ok=True)
