"""A user's own data set class, torch's or Hugging Face's: its constructor's arguments are the fields."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Lt, MinLen
from numpy.typing import NDArray

from sdesim.data.base import Base
from sdesim.data.dataset import IGNORED, Dataset
from sdesim.errors import SdesimError, first_line
from sdesim.kinds import Misfit, adopter, kind
from sdesim.kinds.constructor import Argument, constructor_docstring, constructor_fields, given_arguments

# Arguments of these names are fields with an underscore behind, because a recipe has them itself.
_RESERVED = frozenset(name for name in dir(Base) if not name.startswith("_"))
_RESERVED |= {"kind", "family", "data_class", "arguments", "examples", "features", "outputs", "labelled",
              "tested", "test", "inputs", "target", "source"}  # fmt: skip
_Seed = Annotated[int, Ge(0), Lt(2**63)]
_FIELDS: tuple[tuple[str, Any, Any, str], ...] = (
    ("test", Annotated[float, Ge(0), Lt(1)], 0.2, "share of the examples that is for the test, rounded."),
    ("inputs", str | Annotated[tuple[str, ...], MinLen(1)] | None, None,
     "columns that are the inputs, of examples that have names; without it the only one beside target."),
    ("target", str | None, None, "column of the labels or targets; without it label, labels, target or y."),
    ("seed", _Seed, 0, "of the split."),
)  # fmt: skip
_TARGETS = ("label", "labels", "target", "y")
# So many examples are read again, so often in all: a flip of every second reading is missed with 2^-32.
_TRIED, _AGAIN = 8, 32


class Adopted(Base):
    """Examples that a class of the user's holds, split at random.

    The class is map-style (`len(data)`, `data[i]`), or has a method `dataset` that gives such an object. An
    example is a pair (x, y) or a mapping of columns, each an array, a tensor, a number or a list of them.
    """

    data_class: ClassVar[Any]
    arguments: ClassVar[dict[str, Argument]]
    test: float
    inputs: str | tuple[str, ...] | None
    target: str | None
    seed: int

    def __post_init__(self) -> None:
        # Settled here, so that what is wrong is said at its place in the file.
        if not self.examples > 0 or self.tested != (self.test != 0):
            message = (
                f"found {self.test}, allowed: a share that leaves some of the {len(self.source)} examples"
            )
            raise Misfit("test", f"{message} to train and some to test on, or 0")
        _ = self.outputs
        few = range(min(len(self.source), _TRIED))
        first = [self._example(k) for k in few]
        for again in range(_AGAIN):
            k = again % len(few)
            if not all(map(_same, first[k], self._example(k))):
                message = f"{self._label} gives another example {k} at each reading: give it without its"
                raise Misfit("kind", f"{message} random transforms, and augment beside it")

    @property
    def _label(self) -> str:
        return str(self.data_class.__name__)

    @cached_property
    def source(self) -> Any:
        """The object with a length and numbered examples."""
        try:
            made = self.data_class(**given_arguments(self, self.arguments))
            give = getattr(made, "dataset", None)
            made = give() if callable(give) else made
            len(made)
        except Exception as error:
            said = f"{type(error).__name__}: {first_line(error)}"
            raise Misfit("kind", f"{self._label} can't be made, or has no length: {said}") from error
        return made

    def _row(self, index: int) -> tuple[Any, Any]:
        """Input and answer of an example, as they come."""
        try:
            row = self.source[index]
        except Exception as error:
            said = f"{type(error).__name__}: {first_line(error)}"
            raise SdesimError(f"{self._label}: example {index} can't be read: {said}") from error
        if isinstance(row, Mapping):
            inputs, target = self._columns(tuple(row))
            parts = [_array(row[name], name) for name in inputs]
            x = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(-1) for part in parts])
            return x, row[target]
        if not isinstance(row, tuple | list) or len(row) != 2:
            form = f"{type(row).__name__} of {len(row)}" if hasattr(row, "__len__") else type(row).__name__
            message = f"{self._label}: example {index} is a {form}, allowed: (x, y), or a dict of columns"
            raise SdesimError(message)
        return row[0], row[1]

    def _columns(self, names: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
        """Columns of the inputs, and that of the answer."""
        held = ", ".join(map(str, names))
        target = self.target or next((name for name in _TARGETS if name in names), None)
        if target not in names:
            raise Misfit("target", f"found {target!r}, allowed: one of the columns {held}")
        rest = tuple(name for name in names if name != target)
        inputs = (self.inputs,) if isinstance(self.inputs, str) else self.inputs or rest
        wrong = next((name for name in inputs if name not in rest), None)
        if wrong is not None or (self.inputs is None and len(inputs) != 1):
            found = "missing" if wrong is None else f"found {wrong!r}"
            raise Misfit("inputs", f"{found}, allowed: of the columns {', '.join(rest) or 'none'}")
        return inputs, target

    def _example(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """x in its own shape and y, as numbers.

        Raises:
            SdesimError: they are none.
        """
        x, y = self._row(index)
        try:
            return _array(x, "x"), _array(y, "y")
        except SdesimError as error:
            raise SdesimError(f"{self._label}: example {index}: {error}") from None

    @cached_property
    def _first(self) -> tuple[NDArray[Any], NDArray[Any]]:
        if not len(self.source):
            raise Misfit("kind", f"{self._label} is empty")
        x, y = self._example(0)
        if y.ndim > 1:
            raise Misfit(
                "kind", f"{self._label} has answers of shape {y.shape}, allowed: numbers or lists of them"
            )
        return x, y

    @property
    def _drawn(self) -> int:
        return round(self.test * len(self.source))

    @property
    def examples(self) -> int:
        """Number of training examples."""
        return len(self.source) - self._drawn

    @property
    def tested(self) -> bool:
        """Whether there are test examples."""
        return self._drawn > 0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of x."""
        return self._first[0].shape or (1,)

    @property
    def features(self) -> int:
        """Numbers of x."""
        return self._first[0].size

    @property
    def vocabulary(self) -> int | None:
        """The object's own attribute of this name, where it has tokens."""
        found = getattr(self.source, "vocabulary", None)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    @property
    def labelled(self) -> bool:
        """Whether the answers are whole numbers."""
        return self._first[1].dtype.kind in "iub"

    @property
    def positions(self) -> int | None:
        """Labels of an example, where it has a list of them."""
        y = self._first[1]
        return len(y) if self.labelled and y.ndim else None

    @cached_property
    def outputs(self) -> int:
        """Number of classes, as the object says it or else from all labels; or of targets."""
        y = self._first[1]
        if not self.labelled:
            return max(1, y.size)
        told = self._told_classes()
        if told:
            return told
        for name in ("targets", "labels"):
            held: Any = getattr(self.source, name, None)
            if hasattr(held, "__len__") and len(held) == len(self.source):
                return int(_array(held, name).max()) + 1
        return int(max(self._example(k)[1].max(initial=0) for k in range(len(self.source)))) + 1

    def _told_classes(self) -> int:
        """Number of classes by `classes` or `num_classes`, or by the feature of a Hugging Face data set."""
        features = getattr(self.source, "features", None)
        column = None
        if isinstance(features, Mapping):
            column = features.get(self._columns(tuple(features))[1])
        for owner in (column, self.source):
            for name in ("num_classes", "classes"):
                found = getattr(owner, name, None)
                if isinstance(found, int) and found > 0:
                    return found
                if isinstance(found, Sequence) and len(found):
                    return len(found)
        return 0

    def make(self) -> Dataset:
        """Read all examples and split them.

        Raises:
            SdesimError: one has another shape than the first, or holds what is no finite number or no class.
        """
        n, (first, answer) = len(self.source), self._first
        x = np.empty((n, self.features))
        y = np.empty((n, *answer.shape), dtype=np.int64 if self.labelled else np.float64)
        for k in range(n):
            row, label = self._example(k)
            if (row.shape, label.shape) != (first.shape, answer.shape):
                found = (
                    f"shapes {row.shape} and {label.shape}, the first has {first.shape} and {answer.shape}"
                )
                raise SdesimError(f"{self._label}: example {k} has {found}")
            whole = label.dtype.kind in "iub"
            if not np.isfinite(row).all() or whole != self.labelled or not np.isfinite(label).all():
                allowed = "finite numbers, and labels as of the first" if self.labelled else "finite numbers"
                raise SdesimError(f"{self._label}: example {k}: found others, allowed: {allowed}")
            x[k], y[k] = row.reshape(-1), label
        if self.labelled:
            counted = y[y != IGNORED] if self.positions is not None else y
            if counted.size and not 0 <= counted.min() <= counted.max() < self.outputs:
                found = f"labels from {counted.min()} to {counted.max()}"
                raise SdesimError(f"{self._label}: found {found}, allowed: 0 to {self.outputs - 1}")
        elif not answer.ndim:
            y = y[:, None]
        tokens = self.vocabulary
        if tokens is not None and not ((x == np.floor(x)) & (x >= 0) & (x < tokens)).all():
            raise SdesimError(f"{self._label}: found others, allowed: tokens 0 to {tokens - 1}")
        order = np.random.default_rng(self.seed).permutation(n)
        train, test = order[: self.examples], order[self.examples :]
        return Dataset(x[train], y[train], x[test], y[test], positions=self.positions)

    def digest(self) -> str:
        """SHA-256 of the examples."""
        made, digest = self.load(), hashlib.sha256()
        for part in (made.x_train, made.y_train, made.x_test, made.y_test):
            digest.update(part.tobytes())
        return digest.hexdigest()


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    loose = one.dtype.kind == other.dtype.kind == "f"
    return np.array_equal(one, other, equal_nan=loose)


def _array(value: Any, name: str) -> NDArray[Any]:
    """A tensor, array, number or list of numbers as an array.

    Raises:
        SdesimError: it is none, or holds no real numbers.
    """
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if not isinstance(value, np.ndarray | np.generic | int | float | list | tuple):
        raise SdesimError(f"{name} is a {type(value).__name__}, allowed: an array, a tensor or numbers")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise SdesimError(f"{name} is no array: {first_line(error)}") from None
    if array.dtype.kind not in "biuf":
        raise SdesimError(f"{name} holds {array.dtype}, allowed: real numbers")
    return array


@adopter("data")
def adopted(name: str, cls: type) -> type:
    """A data set class as a registered kind of data.

    Args:
        name: what a scenario file calls it, such as "mydata:Letters".
        cls: the class.

    Raises:
        Misfit: it has neither numbered examples nor a method `dataset`, or needs an argument that no file can
            give.
    """
    mapped = hasattr(cls, "__getitem__") and hasattr(cls, "__len__")
    if not mapped and not callable(getattr(cls, "dataset", None)):
        message = (
            f"found {name!r}, but {cls.__name__} is no kind of data, and has neither a length and numbered"
        )
        raise Misfit("kind", f"{message} examples nor a method dataset that gives what has")
    fields, arguments = constructor_fields(name, cls, _RESERVED)
    own = [row for row in _FIELDS if row[0] not in arguments]
    fields += [(field, hint, dataclasses.field(default=default)) for field, hint, default, _ in own]
    made = dataclasses.make_dataclass(
        cls.__name__,
        fields,
        bases=(Adopted,),
        frozen=True,
        kw_only=True,
        namespace={
            "data_class": cls,
            "arguments": arguments,
            "__doc__": constructor_docstring(cls, arguments, {field: text for field, *_, text in own}),
        },
    )
    made.__module__ = cls.__module__
    return kind("data", name)(made)
