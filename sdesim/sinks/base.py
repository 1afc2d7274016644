"""What every sink and every recipe of one offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast


class Row(Protocol):
    """What a sink is given: a `sdesim.training.Measurement`."""

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        ...

    def row(self) -> Mapping[str, Any]:
        """One flat row, with the same names each time."""
        ...


class Sink(Protocol):
    """Where measurements go, once it is open."""

    def write(self, measurement: Row) -> None:
        """Take one measurement."""
        ...

    def close(self) -> None:
        """Write what is left and let go."""
        ...


class Base:
    """A sink by its recipe; one of one's own is a frozen dataclass that derives from this and has `open`."""

    def open(self) -> Sink:
        """Open it for writing.

        Raises:
            SdesimError: if that can't be done.
        """
        raise NotImplementedError(f"{type(self).__name__} needs open()")


def opened(sink: Base | Sink) -> Sink:
    """A recipe opened, an open sink as it is."""
    unopened: Callable[[], Sink] | None = getattr(sink, "open", None)
    return cast(Sink, sink) if unopened is None else unopened()
