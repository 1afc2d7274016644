"""Real numbers from whatever holds them, read in one way for kinds, simulations and estimators."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import first_line

_KINDS = {
    "c": "complex numbers", "M": "dates", "m": "durations", "U": "text", "S": "bytes", "V": "records",
}  # fmt: skip


class NoNumbers(ValueError):
    """What was given holds no array of real numbers; the text says what was found."""


def real_array(value: Any) -> NDArray[Any]:
    """Real numbers as a NumPy array, in the type that they have.

    Arrays, sequences, Python numbers, pandas and xarray objects and torch tensors on any device, with or
    without gradients. Entries that a mask hides, None and pandas' NA become NaN.

    Raises:
        NoNumbers: complex numbers, dates, text, records, rows of unequal length, objects that are no numbers.
    """
    if type(value) is np.ndarray and value.dtype.kind in "fiu":
        return value
    try:
        found = _entries(value)
        if found.dtype.kind == "O":
            return _of_objects(found)
    except NoNumbers:
        raise
    # Whatever a library's object says when it is asked for its numbers.
    except Exception as error:
        raise NoNumbers(f"found {type(value).__name__} ({first_line(error)})") from error
    if found.dtype.kind in _KINDS:
        raise NoNumbers(f"found {_KINDS[found.dtype.kind]}")
    return found


def _entries(value: Any) -> NDArray[Any]:
    """The entries as NumPy holds them; hidden ones as NaN."""
    if hasattr(value, "detach"):
        value = _of_tensor(value)
    if isinstance(value, np.ma.MaskedArray):
        hidden = np.ma.getmaskarray(value)
        plain = np.asarray(value.data)
        return np.where(hidden, np.nan, plain.astype(np.float64)) if hidden.any() else plain
    if isinstance(value, Mapping | str | bytes):
        raise NoNumbers(f"found {type(value).__name__}")
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


def _of_objects(found: NDArray[Any]) -> NDArray[np.float64]:
    """Objects that are real numbers, or missing."""
    numbers = np.empty(found.shape)
    for k, x in np.ndenumerate(found):
        missing = x is None or type(x).__name__ == "NAType"
        if not missing and not isinstance(x, Real) and not hasattr(x, "as_integer_ratio"):
            raise NoNumbers(f"found {type(x).__name__}")
        numbers[k] = np.nan if missing else float(x)
    return numbers
