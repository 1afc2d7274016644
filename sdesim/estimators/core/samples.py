"""What a user hands to an estimator, read once and in one way: arrays of real numbers, whatever held them.

Every public estimator is met through `bordered`: its array arguments are read by `as_samples`, and what goes
wrong inside for the sake of its arguments is told in one line. Estimators call one another without it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError, SdesimError, first_line
from sdesim.estimate import Estimate

# Raised where rows with NaN or infinite entries were left out; `details` hold which share of them.
DROPPED = "nonfinite_dropped"
DROPPED_SHARE = "dropped_share"
# Annotations of arguments that are numbers, one or an array of them; and of those that choose among columns.
_NUMBERS, _CHOICES = ("ArrayLike", "Number"), ("slice", "Mapping")
# What bad arguments raise deep inside; memory, interruption and faults of ours by assertion are not of them.
_OF_ARGUMENTS = (
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    ArithmeticError,
    np.linalg.LinAlgError,
)
_KINDS = {
    "c": "complex numbers", "M": "dates", "m": "durations", "U": "text", "S": "bytes", "V": "records",
}  # fmt: skip
_ALLOWED = "allowed: an array of real numbers"
Call = TypeVar("Call", bound=Callable[..., Any])


def as_samples(value: Any, name: str = "samples") -> Any:
    """Real numbers as a NumPy array of floats, from whatever holds them.

    Arrays, sequences, Python numbers, pandas and xarray objects and torch tensors on any device, with or
    without gradients. Entries that a mask hides, None and pandas' NA become NaN, which an estimator counts
    as missing. Floats keep their precision, but half precision, in which sums overflow, is read as double;
    whole numbers become doubles, truth values stay what they are. A plain float, and what carries numbers of
    its own (an `Estimate`, moments of gradients), is given back.

    Args:
        value: the numbers.
        name: of the argument, for messages.

    Returns:
        An array of floats of the same shape; no copy where none is needed.

    Raises:
        EstimatorError: complex numbers, dates, text, records, rows of unequal length, objects that are no
            numbers.
    """
    if value is None or isinstance(value, float | int) or is_dataclass(value):
        return value
    if isinstance(value, np.ndarray) and value.dtype.char in "fd" and type(value) is np.ndarray:
        return value
    try:
        found = _array(value)
    except SdesimError:
        raise
    except Exception as error:
        raise EstimatorError(f"{name}: {first_line(error)}; {_ALLOWED}") from error
    kind = found.dtype.kind
    if kind in _KINDS:
        raise EstimatorError(f"{name}: found {_KINDS[kind]}, {_ALLOWED}")
    if kind == "O":
        found = _of_objects(found, name)
    if found.dtype.char not in "fd?":
        found = found.astype(np.float64)
    return found if found.ndim else found.item()


def _array(value: Any) -> NDArray[Any]:
    """The entries as NumPy holds them; hidden ones as NaN."""
    if hasattr(value, "detach"):
        value = _of_tensor(value)
    if isinstance(value, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(value)
        plain = np.asarray(value.data)
        return np.where(hidden, np.nan, plain.astype(np.float64)) if hidden.any() else plain
    if isinstance(value, Mapping | str | bytes):
        raise TypeError(f"found {type(value).__name__}")
    found = np.asarray(value)
    if found.dtype.kind == "O" and hasattr(value, "to_numpy"):
        # pandas' own missing value is no float; of text it makes none.
        return np.asarray(value.to_numpy(dtype=object))
    return found


def _of_tensor(value: Any) -> Any:
    """A tensor's numbers on the processor; types that NumPy lacks by way of single precision."""
    plain = value.detach().cpu()
    if plain.is_sparse:
        plain = plain.to_dense()
    if plain.is_floating_point() and plain.element_size() < 4:
        plain = plain.float()
    return plain.resolve_conj().numpy()


def _of_objects(found: NDArray[Any], name: str) -> NDArray[np.float64]:
    """Objects that are real numbers, or missing."""
    numbers = np.empty(found.shape)
    for k, x in np.ndenumerate(found):
        missing = x is None or type(x).__name__ == "NAType"
        if not missing and not isinstance(x, Real) and not hasattr(x, "as_integer_ratio"):
            raise EstimatorError(f"{name}: found {type(x).__name__}, {_ALLOWED}")
        numbers[k] = np.nan if missing else float(x)
    return numbers


def bordered(function: Call) -> Call:
    """A public estimator as users meet it: its numbers read by `as_samples`, its failures in one line.

    Raises (of what is given back):
        EstimatorError: in place of what NumPy and the interpreter raise for bad arguments.
    """
    if not inspect.isfunction(function):
        return function
    signature = inspect.signature(function)
    read = {name for name, p in signature.parameters.items() if holds_numbers(str(p.annotation))}
    order = tuple(signature.parameters)

    @functools.wraps(function)
    def met(*args: Any, **kwargs: Any) -> Any:
        positional = tuple(
            as_samples(x, name) if name in read else x for name, x in zip(order, args, strict=False)
        )
        named = {k: as_samples(x, k) if k in read else x for k, x in kwargs.items()}
        try:
            # What is too much is told by the call itself.
            return function(*positional, *args[len(order) :], **named)
        except SdesimError:
            raise
        except _OF_ARGUMENTS as error:
            raise EstimatorError(f"{function.__name__}: {first_line(error)}") from error

    return met  # type: ignore[return-value]


def holds_numbers(annotation: str) -> bool:
    """Whether an argument so annotated is read by `as_samples`."""
    return any(w in annotation for w in _NUMBERS) and not any(w in annotation for w in _CHOICES)


def require_finite(**arrays: Any) -> None:
    """Raises EstimatorError that names an argument with NaN or infinite entries, and how many."""
    for name, x in arrays.items():
        missing = int(np.count_nonzero(~np.isfinite(x)))
        if missing:
            found = f"{missing} NaN or infinite of {np.size(x)}"
            raise EstimatorError(f"{name}: found {found}, allowed: finite numbers")


def finite_rows(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Rows of (n, …) all of whose entries are finite, and the share of the others."""
    whole = np.isfinite(x).reshape(len(x), -1).all(axis=1)
    return (x, 0.0) if whole.all() else (x[whole], 1.0 - float(whole.mean()))


def with_dropped(e: Estimate, share: float) -> Estimate:
    """An Estimate that says which share of the rows it left out."""
    if not share:
        return e
    details = {**e.details, DROPPED_SHARE: share}
    return Estimate(e.value, e.low, e.high, e.level, e.method, e.n, (*e.flags, DROPPED), details)
