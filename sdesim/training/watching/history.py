"""Measurements of a watched training, each made when it is first looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from sdesim.errors import failure
from sdesim.training.monitor.measurement import Measurement

Make = Callable[[], Measurement]


class History(Sequence[Measurement]):
    """A list of measurements, oldest first.

    What readings come to takes longer than a small network's step, and nobody looks at most of them; what is
    kept of each is a row of numbers, so that it does not matter when.
    """

    def __init__(self) -> None:
        self._made: list[Measurement | tuple[int, Make]] = []

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, place: int) -> Measurement: ...

    @overload
    def __getitem__(self, place: slice) -> list[Measurement]: ...

    def __getitem__(self, place: int | slice) -> Measurement | list[Measurement]:
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        found = self._made[place]
        if isinstance(found, Measurement):
            return found
        step, make = found
        try:
            made = make()
        except Exception as error:
            # Whoever looks is the training.
            made = Measurement.of(step, flags=("reading_failed",), reasons={"reading": failure(error)})
        self._made[place] = made
        return made

    def append(self, measurement: Measurement) -> None:
        """Add one."""
        self._made.append(measurement)

    def later(self, step: int, make: Make) -> None:
        """Add one of a step that is made when it is looked at."""
        self._made.append((step, make))

    def __repr__(self) -> str:
        return repr(list(self))
