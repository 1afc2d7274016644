"""Values that hold for a while each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from sdesim.kinds import Misfit, kind
from sdesim.schedules.base import Array, Base


def value(t: Any, p: Any) -> Any:
    """The value of the last time that is not after t."""
    n = (p.shape[0] - 1) // 2
    return p[n:][np.searchsorted(p[:n], t, side="right")]


@kind("schedules", "piecewise")
@dataclass(frozen=True)
class Piecewise(Base):
    """f(t) = values[0] until times[0], then values[k] from times[k − 1] on: one value more than times.

    Where there are as many values as times, the first of which is 0, each value holds from its time on.

    A step that contains one of the times takes the mean of its values by Gauss's rule; put them on multiples
    of dt.

    Args:
        times: when the value changes, each later than the one before.
        values: the first from the start on, then one from each time on.

    Raises:
        Misfit: the times don't grow, or there is not one value more.

    Example:
        {kind: piecewise, times: [1.0, 2.0], values: [0.1, 0.05, 0.01]}
    """

    times: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        switches(self.times, len(self.values), "values")

    @property
    def value(self) -> Any:
        """The value of the piece that t lies in."""
        return value

    @property
    def params(self) -> Array:
        """[times, values]."""
        return np.array([*switches(self.times, len(self.values), "values"), *self.values])

    @property
    def constant(self) -> float | None:
        """The value, where there is but one."""
        return self.values[0] if len(set(self.values)) == 1 else None


def switches(times: tuple[float, ...], count: int, name: str) -> tuple[float, ...]:
    """The times at which one of ``count`` pieces gives way to the next.

    Args:
        times: one less than pieces, or as many with 0 as the first.
        count: how many pieces. name: what they are called.

    Raises:
        Misfit: they don't grow, or their number does not fit.
    """
    for k, (before, after) in enumerate(pairwise(times), start=1):
        if not after > before:
            raise Misfit(("times", k), f"found {after:g}, allowed: above the one before, {before:g}")
    given = times[1:] if len(times) == count and times and times[0] == 0.0 else times
    if count != len(given) + 1:
        raise Misfit(name, f"found {count}, allowed: {len(times) + 1}, one more than times")
    return given
