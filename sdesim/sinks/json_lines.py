"""Measurements as lines of JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MinLen

from sdesim.io.lines import LineFile
from sdesim.kinds import kind
from sdesim.sinks.base import Base, Row


@kind("sinks", "jsonl")
@dataclass(frozen=True)
class JsonLines(Base):
    """A flat line of JSON per measurement, on disk at once; lines that are there already are kept.

    What was not measured is left out, and numbers that are not finite are null or "Infinity".

    Args:
        file: its path; made with its folder if absent.

    Example:
        {kind: jsonl, file: monitor.jsonl}
    """

    file: Annotated[str, MinLen(1)]

    def open(self) -> JsonLinesSink:
        """Open the file."""
        return JsonLinesSink(self.file)


class JsonLinesSink:
    """A flat line of JSON per measurement; lines of an earlier monitor in the file are kept.

    Args:
        path: the file; made with its folder if absent.

    Raises:
        RunError: it can't be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._lines = LineFile(path)

    def write(self, measurement: Row) -> None:
        """Append one line."""
        self._lines.append({name: v for name, v in measurement.row().items() if v is not None and v != ""})

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
