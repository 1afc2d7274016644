"""The sinks of one training, which none of them can end."""

from __future__ import annotations

import os
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sdesim.errors import RunError, failure
from sdesim.kinds.spelling import short
from sdesim.sinks.base import Base, Row, Sink, opened


class Outlets:
    """Where the measurements of one training go: what fails is told once as a warning, and is a reason.

    Random numbers that a sink draws, as MLflow does to name a run, are none of the training's.
    Of several ranks the first one writes; so does the process that opened them, and no fork of it.

    Args:
        sinks: sinks, recipes, which are opened, and paths of folders (`Folder`).

    Raises:
        RunError: one can't be opened.
    """

    def __init__(self, sinks: Iterable[Sink | Base | str | os.PathLike[str]] = ()) -> None:
        self._sinks: list[Sink] = []
        self._failed: dict[int, str] = {}
        self._told: set[int] = set()
        self._process = os.getpid()
        # A text would be a folder for each of its letters.
        if isinstance(sinks, str | bytes | os.PathLike | Mapping) or not isinstance(sinks, Iterable):
            raise RunError(f"sinks must be a list of sinks and paths, got {short(sinks)}")
        for sink in sinks:
            self.add(sink)

    def __len__(self) -> int:
        return len(self._sinks)

    @property
    def reasons(self) -> dict[str, str]:
        """Under "sinks" why those failed that did when they were last written to; else empty."""
        told = [f"{type(self._sinks[k]).__name__}: {why}" for k, why in self._failed.items()]
        return {"sinks": "; ".join(told)} if told else {}

    def add(self, sink: Sink | Base | str | os.PathLike[str]) -> None:
        """One more.

        Raises:
            RunError: it can't be opened.
        """
        with _undisturbed():
            self._sinks.append(opened(sink))

    def write(self, measurement: Row) -> None:
        """Give all of them a measurement."""
        if self._speaks():
            for k, sink in enumerate(self._sinks):
                self._guarded(k, partial(sink.write, measurement))

    def close(self, run: Callable[[Path], Any] | None = None) -> None:
        """Close all of them; run: writes the run of what was measured to a path, for sinks that keep it."""
        if not self._speaks():
            return
        for k, sink in enumerate(self._sinks):
            keep = getattr(sink, "keep_run", None)
            if run is not None and keep is not None:
                self._guarded(k, partial(keep, run))
            self._guarded(k, sink.close)

    def _speaks(self) -> bool:
        if os.getpid() != self._process:
            return False
        # Whoever trains on several ranks has loaded it.
        ranks: Any = getattr(sys.modules.get("torch"), "distributed", None)
        several = ranks is not None and ranks.is_available() and ranks.is_initialized()
        return not several or bool(ranks.get_rank() == 0)

    def _guarded(self, k: int, work: Callable[[], Any]) -> None:
        try:
            with _undisturbed():
                work()
        except Exception as error:
            self._failed[k] = failure(error)
            if k not in self._told:
                self._told.add(k)
                name = type(self._sinks[k]).__name__
                warnings.warn(f"{name}: {self._failed[k]}; the training goes on", stacklevel=4)
        else:
            self._failed.pop(k, None)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """The generators that a training may draw from are afterwards as before."""
    # Who draws from NumPy's or torch's has loaded them.
    numpy: Any = getattr(sys.modules.get("numpy"), "random", None)
    torch: Any = sys.modules.get("torch")
    plain = random.getstate()
    arrays = None if numpy is None else numpy.get_state()
    tensors = None if torch is None else torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(plain)
        if arrays is not None:
            numpy.set_state(arrays)
        if tensors is not None:
            torch.set_rng_state(tensors)
