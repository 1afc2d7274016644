"""Arrays that are no samples, or not whole: made from a valid one, each with what an estimator may answer."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

Made = Callable[[np.ndarray], Any]


def _with(entry: float) -> Made:
    def made(x: np.ndarray) -> np.ndarray:
        out = x.astype(np.float64)
        out.flat[1] = entry
        return out

    return made


def _ragged(x: np.ndarray) -> list[Any]:
    return [[1.0], [1.0, 2.0], [[3.0]]]


def _objects(entry: Any) -> Made:
    def made(x: np.ndarray) -> np.ndarray:
        out = x.astype(object)
        out.flat[1] = entry
        return out

    return made


def _masked(x: np.ndarray) -> np.ma.MaskedArray:
    hidden = np.zeros(x.shape, dtype=bool)
    hidden.flat[1] = True
    return np.ma.MaskedArray(x, hidden, fill_value=7.0)


def _frame(x: np.ndarray) -> Any:
    return pd.DataFrame(x) if x.ndim == 2 else pd.Series(x.ravel())


def _nullable(x: np.ndarray) -> Any:
    out = pd.Series(x.ravel(), dtype="Float64")
    out.iloc[1] = pd.NA
    return out


# Never samples: refused, whatever the estimator.
REFUSED: dict[str, Made] = {
    "complex": lambda x: x + 1j,
    "complex without an imaginary part": lambda x: x + 0j,
    "dates": lambda x: np.full(x.shape, np.datetime64("2026-01-01")),
    "durations": lambda x: np.full(x.shape, np.timedelta64(1, "D")),
    "text": lambda x: x.astype(str),
    "bytes": lambda x: x.astype("S8"),
    "one text": lambda x: "1.5",
    "numbers as text, objects": _objects("1.5"),
    "a list among numbers": _objects([1.0, 2.0]),
    "complex objects": _objects(1j),
    "objects": lambda x: object(),
    "ragged": _ragged,
    "records": lambda x: np.zeros(x.shape, dtype=[("a", float), ("b", float)]),
    "a dictionary": lambda x: {"a": x},
    "a set": lambda x: {1.0, 2.0},
    "a function": lambda x: np.sum,
    "a generator": lambda x: (y for y in [1.0, 2.0]),
    "dates in a frame": lambda x: pd.Series(pd.date_range("2026-01-01", periods=max(x.size, 2))),
    "text in a frame": lambda x: pd.Series(x.ravel().astype(str)),
    "a data set": lambda x: xr.Dataset({"a": ("n", x.ravel())}),
}
# Numbers that are missing or endless: refused, flagged, or NaN.
MISSING: dict[str, Made] = {
    "one NaN": _with(np.nan),
    "one infinity": _with(np.inf),
    "minus infinity": _with(-np.inf),
    "all NaN": lambda x: np.full(x.shape, np.nan),
    "a hidden entry": _masked,
    "None": _objects(None),
    "overflow of half precision": lambda x: (x * 1e6).astype(np.float16),
}
# Shapes and sizes: anything but a raw exception.
ODD: dict[str, Made] = {
    "empty": lambda x: np.empty((0, *x.shape[1:])),
    "one row": lambda x: x[:1],
    "a number": lambda x: 1.0,
    "many axes": lambda x: x.reshape((1, 1, 1, *x.shape)),
    "an axis of nothing": lambda x: np.empty((*x.shape, 0)),
    "longer": lambda x: np.concatenate([x, x, x]),
    "all zero": lambda x: np.zeros(x.shape),
    "huge": lambda x: x * 1e200,
    "tiny": lambda x: x * 1e-200,
    "negative": lambda x: -np.abs(x) - 1.0,
    "truth values": lambda x: x > np.median(x),
    "whole numbers": lambda x: np.arange(x.size).reshape(x.shape),
}
# The same numbers held otherwise: the same answer.
SAME: dict[str, Made] = {
    "a list": lambda x: x.tolist(),
    "a frame": _frame,
    "a labelled array": lambda x: xr.DataArray(x),
    "nothing hidden": lambda x: np.ma.MaskedArray(x, np.zeros(x.shape, dtype=bool)),
    "objects that are numbers": lambda x: x.astype(object),
    "exact decimals": lambda x: np.vectorize(Decimal, otypes=[object])(x),
    "another order": np.asfortranarray,
    "long doubles": lambda x: x.astype(np.longdouble),
}
