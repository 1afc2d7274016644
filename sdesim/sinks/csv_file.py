"""Measurements as rows of a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MinLen

from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text
from sdesim.io.places import local
from sdesim.io.text import for_cell
from sdesim.kinds import kind
from sdesim.sinks.base import Base, Row


@kind("sinks", "csv")
@dataclass(frozen=True)
class Csv(Base):
    """One row per measurement in a CSV file, on disk at once; rows that are there already are kept.

    Args:
        file: its path; made with its folder if absent.

    Example:
        {kind: csv, file: monitor.csv}
    """

    file: Annotated[str, MinLen(1)]

    def open(self) -> CsvSink:
        """Open the file."""
        return CsvSink(self.file)


class CsvSink:
    """One row per measurement, on disk at once; rows of an earlier monitor in the file are kept.

    Where a measurement holds a number that none before it had, its column is added to the file.

    Args:
        path: the file; made with its folder if absent.

    Raises:
        RunError: the file is not one of measurements, or can't be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = local(path, "measurements")
        self._file: io.TextIOWrapper | None = None
        self._open()

    def _open(self) -> io.TextIOWrapper:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+", newline="", encoding="utf-8")
        except OSError as error:
            raise RunError(f"can't write {self._path}: {error.strerror or error}") from error
        self._file.seek(0)
        text = self._file.read()
        # What a killed training left half written stays a row of its own.
        if text and not text.endswith("\n"):
            self._file.write("\n")
        # A name may hold the end of a line, within quotes.
        self._header = next(csv.reader(io.StringIO(text, newline="")), [])
        if self._header and "step" not in self._header:
            self.close()
            raise RunError(f"{self._path} has other columns: no 'step'; choose another file")
        return self._file

    def write(self, measurement: Row) -> None:
        """Append one row.

        Raises:
            RunError: the disk refuses.
        """
        row = {for_cell(name): value for name, value in measurement.row().items()}
        file = self._file or self._open()
        new = [name for name in row if name not in self._header]
        if new:
            file = self._widened(file, new)
        try:
            csv.writer(file).writerow(_cells(row, self._header))
            file.flush()
        except OSError as error:
            # What waits to be written would be written a second time.
            with suppress(OSError):
                self.close()
            self._file = None
            raise RunError(f"can't write {self._path}: {error.strerror or error}") from error

    def _widened(self, file: io.TextIOWrapper, new: Sequence[str]) -> io.TextIOWrapper:
        """The file with these columns too, whole or not at all."""
        file.seek(0)
        rows = list(csv.DictReader(file, restkey="", restval=""))
        header, text = [*self._header, *new], io.StringIO()
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(_cells(row, header) for row in rows)
        self.close()
        atomic_write_text(self._path, text.getvalue())
        return self._open()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _cells(row: Any, header: Iterable[str]) -> list[Any]:
    return ["" if (v := row.get(name)) is None else for_cell(v) for name in header]
