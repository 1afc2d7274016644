"""Values from outside as numbers and arrays that are what they should be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]
# What a float, and a counter of random numbers, can hold.
_LARGEST, _WORDS = 10**308, 2**64


def as_theta(theta: ArrayLike, dim: int, name: str = "theta") -> Array:
    """Return theta as a float64 array (…, dim).

    Raises:
        SdesimError: if it holds anything but real numbers, or its last axis is not dim long.
    """
    array = _real(theta, name)
    if array.ndim == 0 or array.shape[-1] != dim:
        raise SdesimError(f"{name} must have {dim} coordinates in its last axis, got shape {array.shape}")
    return array


def as_finite(value: Any, name: str) -> Array:
    """Return value as a float64 array.

    Raises:
        SdesimError: if it holds anything but finite numbers.
    """
    array = _real(value, name)
    if not np.all(np.isfinite(array)):
        raise SdesimError(f"{name} must be finite, got {short(value)}")
    return array


def finite(value: Any, name: str) -> float:
    """Return value as a finite float.

    Raises:
        SdesimError: if it is not a finite number.
    """
    array = _real(value, name, "a number")
    if array.size != 1:
        raise SdesimError(f"{name} must be a number, got {short(value)}")
    number = float(array.item())
    if not np.isfinite(number):
        raise SdesimError(f"{name} must be finite, got {number}")
    return number


def _real(value: Any, name: str, what: str = "a number or an array of numbers") -> Array:
    if isinstance(value, int) and not -_LARGEST < value < _LARGEST:
        raise SdesimError(f"{name} must be {what} below 1e308, got {short(value)}")
    try:
        if value is None:
            raise NoNumbers
        return np.asarray(real_array(value), dtype=np.float64)
    except NoNumbers:
        raise SdesimError(f"{name} must be {what}, got {short(value)}") from None


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
    number = _whole(value)
    if number is None:
        raise SdesimError(f"{name} must be a whole number, got {short(value)}")
    if number >= _WORDS:
        raise SdesimError(f"{name} must be below 2^64, got {short(value)}")
    if number < least:
        raise SdesimError(f"{name} must be at least {least}, got {number}")
    return number


def _whole(value: Any) -> int | None:
    """A whole number as an int; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        array = real_array(value)
    except NoNumbers:
        return None
    if array.size != 1 or array.dtype.kind == "b":
        return None
    number = array.item()
    # A float of 2⁵³ and more is whole; an infinite one is not.
    return int(number) if np.isfinite(number) and number == int(number) else None
