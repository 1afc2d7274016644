"""What could not be read of a training, why, and when it is tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Longest pause, in readings that would have tried.
_LONGEST = 64


class Failures:
    """Parts of readings that failed; each is left out for 1, 3, 7, … readings before it is tried again.

    Attributes:
        reasons: part → why it failed when it was last tried; parts that succeeded since are left out.
    """

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}
        self._pause: dict[str, int] = {}
        self._left: dict[str, int] = {}

    def due(self, part: str) -> bool:
        """Whether to try a part in this reading; asked once in each that could."""
        left = self._left.get(part, 0)
        self._left[part] = max(0, left - 1)
        return left == 0

    def note(self, tried: Iterable[str], found: Mapping[str, str]) -> list[str]:
        """What came of the parts that were tried: reasons of those that failed. Gives those that did not fail
        when they were last tried."""
        new = [part for part in found if part not in self.reasons]
        for part in tried:
            if part in found:
                self.reasons[part] = found[part]
                self._pause[part] = min(_LONGEST, 2 * self._pause.get(part, 0) + 1)
                self._left[part] = self._pause[part]
            else:
                self.reasons.pop(part, None)
                self._pause.pop(part, None)
        return new

    def state(self) -> dict[str, dict[str, str] | dict[str, int]]:
        """What `restore` takes: plain dicts of strings and numbers."""
        return {"reasons": dict(self.reasons), "pause": dict(self._pause), "left": dict(self._left)}

    def restore(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on from a state."""
        self.reasons, self._pause = dict(state["reasons"]), dict(state["pause"])
        self._left = dict(state["left"])
