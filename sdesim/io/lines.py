"""Files of JSON lines, which one process appends to while others read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from sdesim.errors import RunError
from sdesim.io.files import to_json
from sdesim.io.places import local


class LineFile:
    """A file that lines of JSON are appended to, each with the system once it is written: a process that is
    killed loses none. A write after `close` opens it anew.

    Args:
        path: the file; made with its folder if absent.

    Raises:
        RunError: it can't be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = local(path, "lines")
        self._file: BinaryIO | None = None
        self._open()

    def _open(self) -> BinaryIO:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Without a buffer of Python's, which would write what failed a second time.
            self._file = self.path.open("ab+", buffering=0)
        except OSError as error:
            raise RunError(f"can't write {self.path}: {error.strerror or error}") from error
        return self._file

    def append(self, value: Any) -> None:
        """Write a value as one line.

        Raises:
            RunError: the disk refuses.
        """
        file = self._file or self._open()
        try:
            # What was left half written, by a disk that was full or a process that was killed, is ended.
            size = file.seek(0, 2)
            if size and (file.seek(size - 1), file.read(1))[1] != b"\n":
                file.write(b"\n")
            left = memoryview(to_json(value, indent=None).encode("utf-8"))
            while left:
                left = left[file.write(left) or 0 :]
        except OSError as error:
            raise RunError(f"can't write {self.path}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._file is not None:
            self._file.close()
            self._file = None


def read_lines(path: str | Path) -> Iterator[Any]:
    """The values of a file's whole lines, in order; what is half written, or no JSON, is left out."""
    for value, _ in read_lines_from(path, 0):
        yield value


def read_lines_from(path: str | Path, offset: int) -> Iterator[tuple[Any, int]]:
    """As `read_lines`, from a place in the file on, each value with the place after it."""
    with Path(path).open("rb") as file:
        file.seek(offset)
        for line in file:
            offset += len(line)
            if not line.endswith(b"\n"):
                return
            with suppress(ValueError):
                yield json.loads(line), offset
