"""Time of full garbage collections, which fall into whatever is at work when they are due."""

from __future__ import annotations

import gc
import time as clock
from typing import Any

_FULL = 2


class Collections:
    """Seconds that full collections have taken since the first look: with a trainer imported one takes a
    third of a second, as much as a hundred readings that have no part in it."""

    def __init__(self) -> None:
        self._seconds, self._began, self._listens = 0.0, 0.0, False

    @property
    def seconds(self) -> float:
        """So far."""
        if not self._listens:
            self._listens = True
            gc.callbacks.append(self._told)
        return self._seconds

    def _told(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] == _FULL:
            if phase == "start":
                self._began = clock.perf_counter()
            else:
                self._seconds += clock.perf_counter() - self._began


COLLECTIONS = Collections()
