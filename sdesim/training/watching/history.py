"""Measurements of a watched training, each made when it is first looked at."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from sdesim.training.monitor.measurement import Measurement


@dataclass(frozen=True)
class Asked:
    """A measurement of the first ``count`` readings. reasons: why parts failed; cost: seconds."""

    count: int
    reasons: Mapping[str, str] = field(default_factory=dict)
    cost: float = math.nan


class History(Sequence[Measurement]):
    """A list of measurements, oldest first.

    What readings come to takes longer than a small network's step, and nobody looks at most of them; what is
    kept of each is a row of numbers, so that it does not matter when they are made.

    Args:
        make: measurements of what is asked.
    """

    def __init__(self, make: Callable[[Sequence[Asked]], list[Measurement]]) -> None:
        self._make = make
        self._held: list[Measurement | Asked] = []

    def __len__(self) -> int:
        return len(self._held)

    @overload
    def __getitem__(self, place: int) -> Measurement: ...

    @overload
    def __getitem__(self, place: slice) -> list[Measurement]: ...

    def __getitem__(self, place: int | slice) -> Measurement | list[Measurement]:
        places = range(len(self))[place]
        wanted = [places] if isinstance(places, int) else list(places)
        asked = {k: one for k in wanted if isinstance(one := self._held[k], Asked)}
        for k, made in zip(asked, self._make(list(asked.values())) if asked else (), strict=True):
            self._held[k] = made
        found = [one for k in wanted if isinstance(one := self._held[k], Measurement)]
        return found[0] if isinstance(places, int) else found

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self[:])

    def append(self, measurement: Measurement) -> None:
        """Add one."""
        self._held.append(measurement)

    def later(self, count: int, reasons: Mapping[str, str] | None = None, cost: float = math.nan) -> None:
        """Add one of so many readings, that is made when it is looked at."""
        self._held.append(Asked(count, reasons or {}, cost))

    def __repr__(self) -> str:
        return repr(self[:])
