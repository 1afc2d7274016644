"""Measurements as scalars of TensorBoard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdesim.errors import RunError
from sdesim.kinds import kind
from sdesim.sinks.base import Base, Row


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
        RunError: a folder was given and the package tensorboard is absent.
    """

    def __init__(self, folder: str | Path | None = None, *, writer: Any = None) -> None:
        if writer is None:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise RunError("TensorBoardSink needs the package tensorboard: install it") from error
            writer = SummaryWriter(None if folder is None else str(folder))  # type: ignore[no-untyped-call,unused-ignore]
        self._writer = writer

    def write(self, measurement: Row) -> None:
        """Add every number of the measurement."""
        for name, value in measurement.row().items():
            if isinstance(value, int | float) and name != "step":
                self._writer.add_scalar(f"sdesim/{name}", value, measurement.step)

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()
