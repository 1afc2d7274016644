"""Examples from a file of one's own: NumPy's npz, a table as CSV, or Parquet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Lt, MinLen
from numpy.typing import NDArray

from sdesim.data.base import Base
from sdesim.data.dataset import Dataset
from sdesim.data.sets.tables import OPENERS, Table
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit, PathTo, kind
from sdesim.kinds.trust import located

Array = NDArray[np.float64]
Names = str | Annotated[tuple[str, ...], MinLen(1)]
# A class is an output of the network: numbers above this are surely no classes.
_MOST_CLASSES = 100_000


@kind("data", "arrays")
@dataclass(frozen=True)
class Arrays(Base):
    """Examples from an npz file's arrays, or from the named columns of a CSV or Parquet table.

    Every array or column holds one row per example; those of inputs (and of target) stand side by side in
    the order given, an array of more than two axes flattened. Nothing in a file is ever run: arrays of Python
    objects are refused. Relative paths are sought beside the scenario file. Sizes are settled when the recipe
    is made, for which heads, labels and the rows of a CSV file are read.

    Args:
        file: its path.
        format: of the file; without it by the ending of its name. Parquet needs the package pyarrow.
        inputs: arrays or columns that are the inputs; without it x of an npz file, of a table all but target.
        target: array or column of the labels, or several of targets.
        test: share of the rows that is drawn for the test, rounded, or the path of a file with the test rows.
        labelled: whether target holds class labels 0, 1, …; if not, numbers to be met.
        seed: of the split; where there is none to make, the order is the file's.

    Example:
        {kind: arrays, file: my.csv, inputs: [age, height], target: healthy, test: 0.25}
    """

    file: Annotated[str, PathTo("an npz, CSV or Parquet file")]
    format: Literal["npz", "csv", "parquet"] | None = None
    inputs: Names | None = None
    target: Names = "y"
    test: Annotated[float, Ge(0), Lt(1)] | str = 0.2
    labelled: bool = True
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0

    def __post_init__(self) -> None:
        # Settled here, because the folder of the scenario is known while its file is read.
        if isinstance(self.test, str):
            # As `file` is: so that a run that is resumed and a worker elsewhere find the same file.
            object.__setattr__(self, "test", str(self._paths[1]))
        for field, names in (("inputs", self._inputs), ("target", self._target)):
            self._check_names(field, names)
        both = next((name for name in self._inputs if name in self._target), None)
        if both is not None:
            raise Misfit("inputs", f"found {both!r}, allowed: names that are not in target")
        if self.labelled and self._width(0, self._target) != 1:
            found = self._width(0, self._target)
            raise Misfit("target", f"found {found} numbers per row, allowed: one label; or labelled: false")
        for field, names in (("inputs", self._inputs), ("target", self._target)):
            widths = [self._width(k, names) for k in range(len(self._tables))]
            if widths[0] != widths[-1]:
                message = f"found {widths[-1]} numbers per row of {field} there, allowed: {widths[0]}"
                raise Misfit("test", f"{message}, as in {self.file}")
        if self.examples < 1 or self.tested != (self.test != 0):
            message = f"found {self.test}, allowed: a share that leaves some of the {self._rows[0]} rows"
            raise Misfit("test", f"{message} to train and some to test on, or 0")
        _ = self.outputs

    @cached_property
    def _paths(self) -> tuple[Path, ...]:
        paths = [located(self.file).resolve()]
        if isinstance(self.test, str):
            paths.append(located(self.test).resolve())
            if not paths[1].is_file():
                message = f"found {self.test!r}, allowed: a share below 1, or a file"
                raise Misfit("test", f"{message}; there is none at {paths[1]}")
        return tuple(paths)

    def _check_names(self, field: str, names: tuple[str, ...]) -> None:
        """Whether the files have what is named, once."""
        for k, table in enumerate(self._tables):
            lacking = next((name for name in names if name not in table.names), None)
            if lacking is not None:
                known = ", ".join(table.names) or "none"
                raise Misfit(field, f"found {lacking!r}, allowed: what {self._paths[k].name} holds, {known}")
        twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
        if twice is not None:
            raise Misfit(field, f"found {twice!r} twice, allowed: every name once")

    @property
    def _target(self) -> tuple[str, ...]:
        return (self.target,) if isinstance(self.target, str) else self.target

    @cached_property
    def _inputs(self) -> tuple[str, ...]:
        if self.inputs is None:
            names = self._tables[0].inputs(self._target)
            if not names:
                raise Misfit("target", f"found {', '.join(self._target)}, which leaves no column for inputs")
            return names
        return (self.inputs,) if isinstance(self.inputs, str) else self.inputs

    @cached_property
    def _tables(self) -> tuple[Table, ...]:
        form = self.format or self._paths[0].suffix.lower().removeprefix(".")
        if form not in OPENERS:
            ending = self._paths[0].suffix or "none"
            raise Misfit("format", f"missing, and the file's ending, {ending}, is not .npz, .csv or .parquet")
        tables = []
        for k, path in enumerate(self._paths):
            with _placed(k):
                tables.append(OPENERS[form](path))
        return tuple(tables)

    def _width(self, file: int, names: tuple[str, ...]) -> int:
        with _placed(file):
            return sum(self._tables[file].shape(name)[1] for name in names)

    @cached_property
    def _rows(self) -> tuple[int, ...]:
        """Rows of each file, of which every array has as many."""
        counts = []
        for k, table in enumerate(self._tables):
            with _placed(k):
                found = {name: table.shape(name)[0] for name in (*self._inputs, *self._target)}
            first = self._inputs[0]
            other = next((name for name, rows in found.items() if rows != found[first]), None)
            if other is not None:
                message = f"found {found[first]} rows of {first} and {found[other]} of {other}"
                raise Misfit(_FIELDS[k], f"{message} in {self._paths[k].name}, allowed: equally many")
            if not found[first]:
                raise Misfit(_FIELDS[k], f"{self._paths[k].name} has no rows")
            counts.append(found[first])
        return tuple(counts)

    @cached_property
    def _classes(self) -> int:
        """One more than the highest label."""
        highest = 0
        for k in range(len(self._tables)):
            with _placed(k):
                labels = self._tables[k].read(self._target)[0][:, 0]
            wrong = labels[(labels != np.floor(labels)) | (labels < 0) | (labels >= _MOST_CLASSES)]
            if len(wrong):
                message = f"found {wrong[0]:g} in {self._paths[k].name}, allowed: labels 0, 1, …"
                raise Misfit("target", f"{message}; or labelled: false")
            highest = max(highest, int(labels.max()))
        return highest + 1

    @property
    def _drawn(self) -> int:
        """Rows of the file that are drawn for the test."""
        return 0 if isinstance(self.test, str) else round(self.test * self._rows[0])

    @property
    def examples(self) -> int:
        """Number of training rows."""
        return self._rows[0] - self._drawn

    @property
    def features(self) -> int:
        """Numbers per row of the inputs."""
        return self._width(0, self._inputs)

    @property
    def outputs(self) -> int:
        """Number of classes, one more than the largest label, or of targets."""
        return self._classes if self.labelled else self._width(0, self._target)

    @property
    def tested(self) -> bool:
        """Whether there are test rows."""
        return isinstance(self.test, str) or self._drawn > 0

    def make(self) -> Dataset:
        """Read the rows and split them.

        Raises:
            Misfit: a number is not finite, or the file is another than when the recipe was made.
        """
        parts = [self._read(k) for k in range(len(self._tables))]
        (x, y), rest = parts[0], parts[1:]
        if rest:
            return Dataset(x, y, *rest[0])
        if not self._drawn:
            return Dataset(x, y, x[:0], y[:0])
        order = np.random.default_rng(self.seed).permutation(len(x))
        first, second = order[: self.examples], order[self.examples :]
        return Dataset(x[first], y[first], x[second], y[second])

    def _read(self, file: int) -> tuple[Array, NDArray[Any]]:
        """Inputs (n, features) and answers of a file."""
        with _placed(file):
            blocks = self._tables[file].read((*self._inputs, *self._target))
        x, y = (np.hstack(part) for part in (blocks[: len(self._inputs)], blocks[len(self._inputs) :]))
        if len(x) != self._rows[file] or (self.labelled and y.max() >= self.outputs):
            raise Misfit(_FIELDS[file], f"{self._paths[file].name} has changed since its sizes were read")
        return x, y[:, 0].astype(np.int64) if self.labelled else y

    def digest(self) -> str:
        """SHA-256 of the files."""
        digest = hashlib.sha256()
        for path in self._paths:
            # Each on its own first, so that no two pairs of files give the same bytes.
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


# The field that names each of the files.
_FIELDS = ("file", "test")


@contextmanager
def _placed(file: int) -> Iterator[None]:
    """What is wrong with a file, at the field that names it."""
    try:
        yield
    except Misfit:
        raise
    except SdesimError as error:
        raise Misfit(_FIELDS[file], str(error)) from None
    except OSError as error:
        raise Misfit(_FIELDS[file], f"can't be read: {error.strerror or error}") from None
