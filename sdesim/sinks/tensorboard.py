"""Measurements as scalars of TensorBoard."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sdesim.errors import RunError
from sdesim.io.places import local
from sdesim.io.text import for_terminal
from sdesim.kinds import kind
from sdesim.sinks.base import Base, Row, scalars


@kind("sinks", "tensorboard")
@dataclass(frozen=True)
class TensorBoard(Base):
    """Scalars under sdesim/ in a TensorBoard log folder; needs the package tensorboard.

    Args:
        folder: of the log; without it a new one that TensorBoard names.
    """

    folder: str | None = None

    def open(self) -> TensorBoardSink:
        """Open the log."""
        return TensorBoardSink(self.folder)


class TensorBoardSink:
    """Scalars under ``sdesim/`` in a TensorBoard log folder.

    Args:
        folder: the log folder; or give writer, with ``add_scalar(tag, value, step)`` and ``close()``.

    Raises:
        RunError: no writer was given and the package tensorboard is absent, or the folder can't be written.
    """

    def __init__(self, folder: str | Path | None = None, *, writer: Any = None) -> None:
        if writer is None:
            if find_spec("torch") is None or find_spec("tensorboard") is None:
                raise RunError("TensorBoardSink needs the packages torch and tensorboard: install them")
            try:
                if folder is not None:
                    local(folder, "measurements").mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RunError(f"can't write {folder}: {error.strerror or error}") from error
        self._folder, self._writer = folder, writer

    def write(self, measurement: Row) -> None:
        """Add every finite number of the measurement."""
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(None if self._folder is None else str(self._folder))  # type: ignore[no-untyped-call,unused-ignore]
            self._folder = self._writer.log_dir
        for name, value in scalars(measurement).items():
            self._writer.add_scalar(f"sdesim/{for_terminal(name)}", value, measurement.step)

    def close(self) -> None:
        """Flush and close; a log of its own is opened anew by a further write."""
        if self._writer is not None:
            self._writer.close()
            if self._folder is not None:
                self._writer = None
