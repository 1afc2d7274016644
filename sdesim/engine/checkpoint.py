"""The state of an unfinished simulation beside its run, so that it can go on from there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.tangent import Tangents
from sdesim.errors import RunError
from sdesim.io.places import Place
from sdesim.io.sealed import read_sealed, write_sealed

# Seconds between two, and the share of the time that they take at the most.
_SECONDS, _SHARE = 10.0, 0.05


class Checkpoint:
    """``<out>.checkpoint``: arrays of the state, the step they belong to, and whose they are.

    Args:
        out: path of the run.
        key: fingerprint of the simulation.
    """

    def __init__(self, out: Place, key: str) -> None:
        self.out = out
        self.path = out.with_name(out.name + ".checkpoint")
        self.key = key
        self._last, self._pause = time.monotonic(), _SECONDS

    def due(self) -> bool:
        """Whether ten seconds have gone by since the last one, or longer where that took long."""
        return time.monotonic() - self._last >= self._pause

    def took(self, seconds: float) -> None:
        """Wait long enough for what the last one took, with all that belongs to it."""
        self._pause = max(_SECONDS, seconds / _SHARE)

    def save(self, step: int, ensemble: Any, tangents: Tangents | None = None) -> None:
        """Write the state, whole or not at all."""
        stored: dict[str, Any] = {**ensemble.portable(), "step": np.array(step), "key": np.array(self.key)}
        if tangents is not None:
            stored |= tangents.portable()
        write_sealed(self.path, stored)
        self._last = time.monotonic()

    def load(self, accept: bool = False) -> tuple[int, dict[str, NDArray[Any]]] | None:
        """(step, state) of an interrupted simulation, or None.

        Args:
            accept: whether one that other code made will do.

        Raises:
            RunError: it is of a simulation with other arguments, or can't be read.
        """
        if not self.path.exists():
            return None
        found = read_sealed(self.path, self._advice)
        key, step = str(found.pop("key", "")), found.pop("step", np.array(""))
        if key != self.key and not accept:
            raise RunError(f"{self.path.name} was begun with other arguments, so this run can't continue it")
        if step.shape != () or step.dtype.kind != "i":
            raise RunError(f"{self.path} is of a step that this simulation doesn't have: {self._advice}")
        return int(step), found

    def check(
        self, step: int, state: Mapping[str, NDArray[Any]], own: Mapping[str, NDArray[Any]],
        between: tuple[int, int],
    ) -> None:  # fmt: skip
        """That what was loaded is a state of a simulation.

        Args:
            step, state: as `load` gives them. own: a state of the simulation. between: its first and last
                step.

        Raises:
            RunError: it is not.
        """
        if not between[0] <= step <= between[1]:
            raise RunError(f"{self.path} is of a step that this simulation doesn't have: {self._advice}")
        for name, array in own.items():
            held = state.get(name)
            if held is None or held.shape != array.shape or held.dtype != array.dtype:
                raise RunError(f"{self.path} has no {name} of this simulation: {self._advice}")

    @property
    def _advice(self) -> str:
        return f"remove it and {self.out.name}, and start again"

    def remove(self) -> None:
        """Drop the file of a finished run."""
        self.path.unlink(missing_ok=True)
