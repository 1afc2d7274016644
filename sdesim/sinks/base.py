"""What every sink and every recipe of one offers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from sdesim.errors import RunError
from sdesim.kinds.spelling import short


class Row(Protocol):
    """What a sink is given: a `sdesim.training.Measurement`."""

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        ...

    def row(self) -> Mapping[str, Any]:
        """One flat row: what was not measured is None, or left out."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        ...


class Sink(Protocol):
    """Where measurements go, once it is open. One that has ``keep_run(run)`` may
    keep the whole run before it is closed, which ``run(path)`` writes; a write after that opens it anew."""

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


def opened(sink: Base | Sink | str | os.PathLike[str]) -> Sink:
    """A recipe opened, an open sink as it is; of a path the folder that `sdesim watch` reads."""
    if isinstance(sink, str | os.PathLike):
        from sdesim.sinks.folder import FolderSink

        return FolderSink(sink)
    if not hasattr(sink, "open") and not all(hasattr(sink, name) for name in ("write", "close")):
        raise RunError(f"sinks: found {short(sink)}, allowed: sinks of sdesim.sinks, and paths of folders")
    unopened: Callable[[], Sink] | None = getattr(sink, "open", None)
    return cast(Sink, sink) if unopened is None else unopened()


def scalars(measurement: Row) -> dict[str, float]:
    """The finite numbers of a measurement by name, but the step."""
    return {
        name: value
        for name, value in measurement.row().items()
        if isinstance(value, int | float) and name != "step" and math.isfinite(value)
    }
