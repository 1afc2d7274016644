"""Values from outside as numbers and arrays that are what they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]


def as_theta(theta: ArrayLike, dim: int, name: str = "theta") -> Array:
    """Return theta as a float64 array (…, dim).

    Raises:
        SdesimError: if its last axis is not dim long.
    """
    array = np.asarray(theta, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != dim:
        raise SdesimError(f"{name} must have {dim} coordinates in its last axis, got shape {array.shape}")
    return array


def as_finite(value: Any, name: str) -> Array:
    """Return value as a float64 array.

    Raises:
        SdesimError: if it holds anything but finite numbers.
    """
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise SdesimError(f"{name} must be a number or an array of numbers, got {short(value)}") from None
    if not np.all(np.isfinite(array)):
        raise SdesimError(f"{name} must be finite, got {short(value)}")
    return array


def finite(value: Any, name: str) -> float:
    """Return value as a finite float.

    Raises:
        SdesimError: if it is not a finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise SdesimError(f"{name} must be a number, got {value!r}") from None
    if not np.isfinite(number):
        raise SdesimError(f"{name} must be finite, got {number}")
    return number


def positive(value: Any, name: str) -> float:
    """Return value as a finite float above zero.

    Raises:
        SdesimError: if it is not.
    """
    number = finite(value, name)
    if number <= 0:
        raise SdesimError(f"{name} must be above 0, got {number:g}")
    return number


def whole(value: Any, name: str, *, least: int = 1) -> int:
    """Return value as an int of at least ``least``.

    Raises:
        SdesimError: if it is not a whole number or too small.
    """
    try:
        number = int(value)
        exact = number == value
    except (TypeError, ValueError, OverflowError):
        raise SdesimError(f"{name} must be a whole number, got {value!r}") from None
    if not exact or isinstance(value, bool):
        raise SdesimError(f"{name} must be a whole number, got {value!r}")
    if number < least:
        raise SdesimError(f"{name} must be at least {least}, got {number}")
    return number
