"""One code for a number and for an array of them: arguments made alike, results given in the form asked for.

Formulas are written for arrays (...,) with masks; where the shape is (), a plain `Estimate` comes back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.estimate import AnyEstimate, ArrayEstimate, Estimate

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
# Text, since a name in quotes is part of it: from Python 3.12 on NumPy's half takes no quoted one beside it.
Number: TypeAlias = "float | ArrayLike | AnyEstimate"


def given(
    x: Number, method: str = "given", flags: tuple[str, ...] = ("no_interval",), level: float = 0.95
) -> AnyEstimate:
    """An Estimate as it is; a number, or an array of them (...,), as one without an interval."""
    if isinstance(x, Estimate):
        return x
    if np.ndim(x) == 0:
        return Estimate(float(x), math.nan, math.nan, level, method, 1, flags)  # type: ignore[arg-type]
    value: Any = np.asarray(x, dtype=np.float64)
    return Estimate(value, math.nan, math.nan, level, method, 1, flags)


def masks_of(e: AnyEstimate) -> dict[str, Mask]:
    """The flags as masks (...,), those of a number as masks ()."""
    if isinstance(e.flags, Mapping):
        return dict(e.flags)
    return dict.fromkeys(e.flags, np.asarray(True))


def made(
    value: Array, low: Array | float, high: Array | float, level: float, method: ArrayLike, n: ArrayLike,
    masks: Mapping[str, ArrayLike], details: Mapping[str, Any] | None = None,
) -> AnyEstimate:  # fmt: skip
    """An Estimate of arrays (...,); of shape () a plain one, under the flags whose mask is true."""
    known = details or {}
    if np.ndim(value):
        whole: Any = (value, low, high, level, method, n, masks, known)
        return Estimate(*whole)
    names = tuple(f for f, mask in masks.items() if mask)
    plain = {k: float(v) if isinstance(v, np.ndarray | np.generic) else v for k, v in known.items()}
    return Estimate(float(value), float(low), float(high), level, str(method), int(n), names, plain)  # type: ignore[arg-type]


def stacked(estimates: Sequence[AnyEstimate], shape: tuple[int, ...]) -> ArrayEstimate:
    """Plain Estimates in C order as one array (...,); details that all of them have, and numbers of some.

    The level is that of the first. Of no places: n = 0.
    """

    def column(name: str, dtype: Any) -> Any:
        return np.array([getattr(e, name) for e in estimates], dtype=dtype).reshape(shape)

    names = dict.fromkeys(f for e in estimates for f in e.flags)
    flags = {f: np.array([e.has(f) for e in estimates], dtype=bool).reshape(shape) for f in names}
    known = dict.fromkeys(k for e in estimates for k in e.details)
    details = {k: np.array(found).reshape(shape) for k in known if (found := _detail(estimates, k))}
    level = estimates[0].level if estimates else math.nan
    value: Any = column("value", np.float64)
    return Estimate(
        value, column("low", np.float64), column("high", np.float64), level, column("method", str),
        column("n", np.int64), flags, details,
    )  # fmt: skip


def _detail(estimates: Sequence[AnyEstimate], name: str) -> list[Any]:
    """A detail of each, NaN where a place lacks a number that others have; [] where it is no such thing."""
    lacking = [e for e in estimates if name not in e.details]
    found = [e.details.get(name, math.nan) for e in estimates]
    numbers = all(isinstance(x, float | int) for x in found)
    return found if all(np.ndim(x) == 0 for x in found) and (numbers or not lacking) else []


def each(
    x: NDArray[Any], axes: int, estimate: Callable[[NDArray[Any]], AnyEstimate]
) -> AnyEstimate:  # fmt: skip
    """`estimate` of x of `axes` axes; of more axes that of the last ones, place by place, as one array."""
    if x.ndim <= axes:
        return estimate(x)
    lead = x.shape[: x.ndim - axes]
    return stacked([estimate(x[place]) for place in np.ndindex(lead)], lead)
