"""Named columns of numbers in files: npz, CSV and Parquet, each read without running anything in it.

Every opener takes a path and gives a `Table`, of which only the head is read where the format has one.
"""

from __future__ import annotations

import csv
import math
import zipfile
import zlib
from array import array
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError, first_line

Array = NDArray[np.float64]
# What zipfile and numpy raise at files that are damaged, locked by a password or packed in an unknown way.
_DAMAGED = (zipfile.BadZipFile, OSError, ValueError, KeyError, EOFError, RuntimeError, zlib.error)


class Table(Protocol):
    """Named blocks of numbers, one row per example in each."""

    names: tuple[str, ...]

    def inputs(self, target: Sequence[str]) -> tuple[str, ...]:
        """What is read as inputs where the user names none."""
        ...

    def shape(self, name: str) -> tuple[int, int]:
        """Rows and numbers per row of a block.

        Raises:
            SdesimError: it holds no numbers.
        """
        ...

    def read(self, names: Sequence[str]) -> list[Array]:
        """The blocks, each (rows, width), as float64.

        Raises:
            SdesimError: a block has what is no finite number, or the file is damaged.
        """
        ...


class Npz:
    """Arrays of an npz file; arrays of Python objects are refused, for they are pickles.

    Args:
        path: the file.

    Raises:
        SdesimError: it is no npz file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                members = [name for name in archive.namelist() if name.endswith(".npy")]
                self._heads = {name.removesuffix(".npy"): _head(archive, name) for name in members}
        except _DAMAGED as error:
            raise SdesimError(f"{path.name} is no npz file: {first_line(error)}") from None
        self.names = tuple(self._heads)

    def inputs(self, target: Sequence[str]) -> tuple[str, ...]:
        """The array x."""
        return ("x",)

    def shape(self, name: str) -> tuple[int, int]:
        """Rows, and the product of the other axes."""
        shape, dtype = self._heads[name]
        if dtype.kind not in "biuf":
            raise SdesimError(f"{name} of {self.path.name} holds {dtype}, allowed: numbers")
        if not shape:
            raise SdesimError(f"{name} of {self.path.name} is one number, allowed: one row per example")
        return shape[0], math.prod(shape[1:])

    def read(self, names: Sequence[str]) -> list[Array]:
        """The arrays, flattened to rows."""
        found = []
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                for name in names:
                    block = np.asarray(archive[name], dtype=np.float64)
                    found.append(np.ascontiguousarray(block.reshape(len(block), -1)))
        except _DAMAGED as error:
            raise SdesimError(f"{self.path.name} can't be read: {first_line(error)}") from None
        for name, block in zip(names, found, strict=True):
            bad = np.argwhere(~np.isfinite(block))
            if len(bad):
                where = f"{name} of {self.path.name}, row {bad[0, 0]}, number {bad[0, 1]}"
                raise SdesimError(f"{where}: found {block[tuple(bad[0])]}, allowed: finite numbers")
        return found


def _head(archive: zipfile.ZipFile, member: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array, from its first bytes."""
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in reader:
            raise ValueError(f"{member} is of version {version[0]}.{version[1]}")
        shape, _, dtype = reader[version](file)
        return shape, dtype


class Csv:
    """Columns of a text file with their names in its first line, separated by commas, in UTF-8.

    Args:
        path: the file.

    Raises:
        SdesimError: it is no such file, or has a name twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open(newline="", encoding="utf-8-sig") as file:
            try:
                header = next(csv.reader(file, strict=True), [])
            except (UnicodeDecodeError, csv.Error) as error:
                raise SdesimError(f"{path.name} is no CSV file: {first_line(error)}") from None
        self.names = tuple(name.strip() for name in header)
        if not any(self.names):
            raise SdesimError(f"{path.name} has no names of columns in its first line")
        twice = next((name for k, name in enumerate(self.names) if name in self.names[:k]), None)
        if twice is not None:
            raise SdesimError(f"{path.name} has two columns {twice!r}, allowed: every name once")

    def inputs(self, target: Sequence[str]) -> tuple[str, ...]:
        """All columns but the target."""
        return tuple(name for name in self.names if name not in target)

    def shape(self, name: str) -> tuple[int, int]:
        """Rows, which are counted once, and 1."""
        return self._count, 1

    @cached_property
    def _count(self) -> int:
        return sum(1 for _ in self._rows())

    def _rows(self) -> Any:
        """Line number and cells of each row.

        Raises:
            SdesimError: a row has more or fewer cells than there are names, or can't be read.
        """
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            try:
                next(reader)
                for cells in reader:
                    if not cells:
                        continue
                    if len(cells) != len(self.names):
                        found = f"{self.path.name} line {reader.line_num}: found {len(cells)} cells"
                        raise SdesimError(f"{found}, allowed: {len(self.names)}, as in the first line")
                    yield reader.line_num, cells
            except (UnicodeDecodeError, csv.Error) as error:
                where = f"{self.path.name} line {reader.line_num}"
                raise SdesimError(f"{where} can't be read: {first_line(error)}") from None

    def read(self, names: Sequence[str]) -> list[Array]:
        """The columns, each (rows, 1)."""
        places = [self.names.index(name) for name in names]
        numbers = array("d")
        for line, cells in self._rows():
            for place in places:
                number = _number(cells[place])
                if not math.isfinite(number):
                    where = f"{self.path.name} line {line}, column {self.names[place]}"
                    raise SdesimError(f"{where}: found {cells[place]!r}, allowed: a finite number")
                numbers.append(number)
        block = np.frombuffer(numbers, dtype=np.float64).reshape(-1, len(places))
        return [np.ascontiguousarray(block[:, k : k + 1]) for k in range(len(places))]


def _number(cell: str) -> float:
    """The number in a cell, NaN where there is none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


class Parquet:
    """Columns of a Parquet file, read by pyarrow.

    Args:
        path: the file.

    Raises:
        SdesimError: it is no Parquet file, or pyarrow is not installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            from pyarrow import ArrowException
            from pyarrow.parquet import ParquetFile
        except ImportError:
            raise SdesimError("Parquet needs the package pyarrow: pip install pyarrow") from None
        try:
            with ParquetFile(path) as file:
                self._rows = int(file.metadata.num_rows)
                self._types = {field.name: field.type for field in file.schema_arrow}
        except (ArrowException, OSError, ValueError) as error:
            raise SdesimError(f"{path.name} is no Parquet file: {first_line(error)}") from None
        self.names = tuple(self._types)

    def inputs(self, target: Sequence[str]) -> tuple[str, ...]:
        """All columns but the target."""
        return tuple(name for name in self.names if name not in target)

    def shape(self, name: str) -> tuple[int, int]:
        """Rows and 1."""
        from pyarrow import types

        sort = self._types[name]
        if not (types.is_integer(sort) or types.is_floating(sort) or types.is_boolean(sort)):
            raise SdesimError(f"column {name} of {self.path.name} holds {sort}, allowed: numbers")
        return self._rows, 1

    def read(self, names: Sequence[str]) -> list[Array]:
        """The columns, each (rows, 1)."""
        from pyarrow import ArrowException
        from pyarrow.parquet import read_table

        try:
            table = read_table(self.path, columns=list(names))
            found = [np.asarray(table[name].to_numpy(), dtype=np.float64)[:, None] for name in names]
        except (ArrowException, OSError, ValueError, TypeError) as error:
            raise SdesimError(f"{self.path.name} can't be read: {first_line(error)}") from None
        for name, block in zip(names, found, strict=True):
            bad = np.flatnonzero(~np.isfinite(block))
            if len(bad):
                where = f"column {name} of {self.path.name}, row {bad[0]}"
                raise SdesimError(f"{where}: found {block[bad[0], 0]}, allowed: finite numbers")
        return found


OPENERS: dict[str, Callable[[Path], Table]] = {"npz": Npz, "csv": Csv, "parquet": Parquet}
