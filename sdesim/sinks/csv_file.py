"""Measurements as rows of a CSV file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MinLen

from sdesim.errors import RunError
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

    def write(self, measurement: Row) -> None:
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
