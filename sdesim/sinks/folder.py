"""Measurements in a folder, for `sdesim watch`, `advise`, `show` and `report` in a training and after it."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MinLen

from sdesim.errors import RunError, first_line
from sdesim.io.lines import LineFile
from sdesim.io.places import local
from sdesim.kinds import kind
from sdesim.runs.watched import READINGS, RUN
from sdesim.sinks.base import Base, Row


@kind("sinks", "folder")
@dataclass(frozen=True)
class Folder(Base):
    """A folder that `sdesim watch`, `advise`, `show` and `report` read in a training and after it.

    Each measurement is with the system once it is made: a training that is killed loses none. Trainings that
    go on in the same folder are read as one; what an earlier one measured beyond the step at which a later
    one begins is left out. A monitor that is closed leaves its run there too (training.zarr). Monitors of the
    same moment take a folder each: one that begins later takes over, and the earlier one fails to write.

    Args:
        folder: its path, made if absent; in Python the path alone stands for this kind.

    Example:
        {kind: folder, folder: runs/mine}
    """

    folder: Annotated[str, MinLen(1)]

    def open(self) -> FolderSink:
        """Open it."""
        return FolderSink(self.folder)


class FolderSink:
    """What `Folder` opens; a folder with a run of another sort is refused.

    Args:
        folder: its path.

    Raises:
        RunError: it can't be written, or holds something else.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = local(folder, "measurements")
        if (self._folder / "scenario.yaml").exists():
            raise RunError(f"{self._folder} holds the run of a scenario; choose another folder")
        self._lines = LineFile(self._folder / READINGS)
        self._began = False
        # Where the file ended when this one last wrote to it.
        self._last = 0
        _OPEN.add(self)

    def write(self, measurement: Row) -> None:
        """Append one measurement.

        Raises:
            RunError: another monitor has begun to write here, or the disk refuses.
        """
        if not self._began:
            told = {"pid": os.getpid(), "host": socket.gethostname(), "began": time.time()}
            self._append({"session": told})
            self._began = True
        self._append(measurement.to_dict())

    def _append(self, value: Any) -> None:
        """Append a line.

        Raises:
            RunError: another monitor has begun to write here, or the disk refuses.
        """
        if self._overtaken():
            raise RunError(f"another training began to write to {self._folder}: take a folder each")
        try:
            self._lines.append(value)
        finally:
            self._last = self._size()

    def _size(self) -> int:
        return self._lines.path.stat().st_size if self._lines.path.exists() else 0

    def _overtaken(self) -> bool:
        """Whether the readings of another one follow this one's: together they would read as one training."""
        return self._began and self._size() > self._last

    def keep_run(self, run: Callable[[Path], Any]) -> None:
        """Keep the run of all that was measured, as ``run(out)`` writes it, in place of an earlier one; why
        there is none is noted."""
        if not self._began or self._overtaken():
            return
        new, kept = self._folder / f".{RUN}", self._folder / RUN
        shutil.rmtree(new, ignore_errors=True)
        try:
            run(new)
        except RunError as error:
            self._append({"no_run": first_line(error)})
            # That the disk refuses is told at once too; that there is too little to keep only here.
            if isinstance(error.__cause__, OSError):
                raise
            return
        shutil.rmtree(kept, ignore_errors=True)
        new.rename(kept)

    def close(self) -> None:
        """Note that the training has ended; a further write goes on."""
        if self._began and not self._overtaken():
            self._append({"ended": time.time()})
        self._began = False
        self._lines.close()


# Sinks that a script leaves open are closed with it, but where it ends by an error.
_OPEN: weakref.WeakSet[FolderSink] = weakref.WeakSet()
_PROCESS = os.getpid()


@atexit.register
def _end() -> None:
    if os.getpid() != _PROCESS or getattr(sys, "last_value", None) is not None:
        return
    for sink in list(_OPEN):
        sink.close()
