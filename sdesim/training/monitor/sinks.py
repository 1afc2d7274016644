"""Where a monitor's measurements can go: a CSV file or TensorBoard. (A Run: `Monitor.run`.)"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from sdesim.errors import RunError
from sdesim.training.monitor.measurement import Measurement


class CsvSink:
    """One row per measurement, on disk at once; rows of an earlier monitor in the file are kept.

    Args:
        path: the file; made with its folder if absent.

    Raises:
        RunError: the file has other columns, or can't be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+", newline="", encoding="utf-8")
        except OSError as error:
            raise RunError(f"can't write {path}: {error.strerror or error}") from error
        self._file.seek(0)
        first = self._file.readline()
        self._header = next(csv.reader([first])) if first else None

    def write(self, measurement: Measurement) -> None:
        """Append one row."""
        row = measurement.row()
        writer = csv.writer(self._file)
        if self._header is None:
            self._header = list(row)
            writer.writerow(self._header)
        unknown = [name for name in row if name not in self._header]
        if unknown:
            raise RunError(f"{self._path} has other columns: no {unknown[0]!r}; choose another file")
        writer.writerow(["" if (v := row.get(name)) is None else v for name in self._header])
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


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

    def write(self, measurement: Measurement) -> None:
        """Add every number of the measurement."""
        for name, value in measurement.row().items():
            if isinstance(value, int | float) and name != "step":
                self._writer.add_scalar(f"sdesim/{name}", value, measurement.step)

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()
