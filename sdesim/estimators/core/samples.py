"""What a user hands to an estimator, read once and in one way: arrays of real numbers, whatever held them.

Every public estimator is met through `bordered`: its array arguments are read by `as_samples`, and what goes
wrong inside for the sake of its arguments is told in one line. Estimators call one another without it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.border import refusing

# Raised where rows with NaN or infinite entries were left out; `details` hold which share of them.
DROPPED = "nonfinite_dropped"
DROPPED_SHARE = "dropped_share"
# Annotations of arguments that are numbers, one or an array of them; and of those that choose among columns.
_NUMBERS, _CHOICES = ("ArrayLike", "Number"), ("slice", "Mapping")
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
        found = real_array(value)
    except NoNumbers as error:
        raise EstimatorError(f"{name}: {error}, {_ALLOWED}") from error
    if found.dtype.char not in "fd?":
        found = found.astype(np.float64)
    return found if found.ndim else found.item()


def bordered(function: Call) -> Call:
    """A public estimator as users meet it: its numbers read by `as_samples`, its failures in one line.

    Raises (of what is given back):
        EstimatorError: in place of what NumPy and the interpreter raise for bad arguments.
    """
    if not inspect.isfunction(function):
        return function
    refused = refusing(EstimatorError)(function)
    signature = inspect.signature(function)
    read = {name for name, p in signature.parameters.items() if holds_numbers(str(p.annotation))}
    order = tuple(signature.parameters)

    @functools.wraps(function)
    def met(*args: Any, **kwargs: Any) -> Any:
        positional = tuple(
            as_samples(x, name) if name in read else x for name, x in zip(order, args, strict=False)
        )
        named = {k: as_samples(x, k) if k in read else x for k, x in kwargs.items()}
        # What is too much is told by the call itself.
        return refused(*positional, *args[len(order) :], **named)

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
