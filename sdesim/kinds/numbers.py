"""Values from outside as numbers and arrays that are what they should be."""

from __future__ import annotations

from collections.abc import Collection
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


def as_start(start: ArrayLike, dim: int) -> Array:
    """Return a starting point as a float64 array (…, dim) of its own.

    Raises:
        SdesimError: it holds anything but finite numbers, or its last axis is not dim long.
    """
    return np.array(as_theta(as_finite(start, "start"), dim, "start"))


def as_vectors(theta: ArrayLike, v: ArrayLike, dim: int) -> tuple[Array, Array]:
    """θ and vectors v at it as float64 arrays (…, dim) of one shape.

    Raises:
        SdesimError: as of `as_theta`, or their shapes don't go together.
    """
    points, vectors = as_theta(theta, dim), as_theta(v, dim, "v")
    try:
        both = np.broadcast_arrays(points, vectors)
    except ValueError:
        raise SdesimError(f"theta of shape {points.shape} does not go with v of {vectors.shape}") from None
    return both[0], both[1]


def as_index(value: Any, names: Collection[str], name: str) -> int:
    """Return the number of one of the things that are named, from 0.

    Raises:
        SdesimError: there is none of that number.
    """
    found = _whole(value)
    if found is None or not 0 <= found < len(names):
        raise SdesimError(f"{name} must be one of 0 to {len(names) - 1}, got {short(value)}")
    return found


def as_reals(value: Any, name: str, error: type[SdesimError] = SdesimError) -> Array:
    """Return value as a float64 array, in which NaN may stand for what is missing.

    Raises:
        error: if it holds anything but real numbers.
    """
    return _real(value, name, error=error)


def as_finite(value: Any, name: str, error: type[SdesimError] = SdesimError) -> Array:
    """Return value as a float64 array.

    Raises:
        error: if it holds anything but finite numbers.
    """
    array = _real(value, name, error=error)
    if not np.all(np.isfinite(array)):
        raise error(f"{name} must be finite, got {short(value)}")
    return array


def number(value: Any, name: str) -> float:
    """Return value as a float, which may be infinite.

    Raises:
        SdesimError: if it is not a number.
    """
    array = _real(value, name, "a number")
    if array.size != 1 or np.isnan(array).any():
        raise SdesimError(f"{name} must be a number, got {short(value)}")
    return float(array.item())


def finite(value: Any, name: str, error: type[SdesimError] = SdesimError) -> float:
    """Return value as a finite float.

    Raises:
        error: if it is not a finite number.
    """
    array = _real(value, name, "a number", error)
    if array.size != 1:
        raise error(f"{name} must be a number, got {short(value)}")
    found = float(array.item())
    if not np.isfinite(found):
        raise error(f"{name} must be finite, got {found}")
    return found


def _real(
    value: Any, name: str, what: str = "a number or an array of numbers",
    error: type[SdesimError] = SdesimError,
) -> Array:  # fmt: skip
    if isinstance(value, int) and not -_LARGEST < value < _LARGEST:
        raise error(f"{name} must be {what} below 1e308, got {short(value)}")
    try:
        if value is None:
            raise NoNumbers
        return np.asarray(real_array(value), dtype=np.float64)
    except NoNumbers:
        raise error(f"{name} must be {what}, got {short(value)}") from None


def positive(value: Any, name: str, error: type[SdesimError] = SdesimError) -> float:
    """Return value as a finite float above zero.

    Raises:
        error: if it is not.
    """
    found = finite(value, name, error)
    if found <= 0:
        raise error(f"{name} must be above 0, got {found:g}")
    return found


def whole(value: Any, name: str, *, least: int = 1, error: type[SdesimError] = SdesimError) -> int:
    """Return value as an int of at least ``least``.

    Raises:
        error: if it is not a whole number or too small.
    """
    found = _whole(value)
    if found is None:
        raise error(f"{name} must be a whole number, got {short(value)}")
    if found >= _WORDS:
        raise error(f"{name} must be below 2^64, got {short(value)}")
    if found < least:
        raise error(f"{name} must be at least {least}, got {short(found)}")
    return found


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


def level_of(value: Any, name: str = "level", error: type[SdesimError] = SdesimError) -> float:
    """Return the level of an interval as a float.

    Raises:
        error: if it is not a number between 0 and 1.
    """
    try:
        found = finite(value, name)
    except SdesimError:
        found = 0.0
    if not 0.0 < found < 1.0:
        raise error(f"{name} must be between 0 and 1, got {short(value)}")
    return found


def as_label(value: Any, name: str = "name", error: type[SdesimError] = SdesimError) -> str:
    """Return value, a text that files can hold.

    Raises:
        error: if it is no text, or has letters that nothing can encode.
    """
    if not isinstance(value, str):
        raise error(f"{name} must be a text, got {short(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise error(f"{name} must be a text that can be encoded, got {short(value)}") from None
    return value


def as_mask(value: Any, size: int, name: str = "mask", error: type[SdesimError] = SdesimError) -> Any:
    """Return value as an array (size,) of truth values of its own.

    Raises:
        error: if it is none, or none of them is true.
    """
    try:
        mask = np.array(real_array(value))
    except NoNumbers as found:
        raise error(f"{name}: {found}, allowed: {size} booleans") from None
    if mask.shape != (size,) or mask.dtype != np.bool_ or not mask.any():
        raise error(f"{name} must be {size} booleans, at least one true, got {mask.dtype} {mask.shape}")
    return mask


def one_of(
    value: Any, allowed: Collection[str | None], name: str, error: type[SdesimError] = SdesimError
) -> None:
    """Raises error unless value is one of the words that are allowed, or None where that is among them."""
    if not (isinstance(value, str) or value is None) or value not in allowed:
        raise error(f"{name} must be one of {', '.join(map(str, allowed))}, got {short(value)}")
