"""What every schedule offers: its value at any time, and its mean over the steps of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError, failure
from sdesim.kinds.bases import Defaults, default
from sdesim.kinds.numbers import as_reals

Array = NDArray[np.float64]
# Values are worked out for so many steps at once, always from the same one on: numpy may answer differently
# for one number than for several, and no bit may depend on where a run was interrupted.
_WINDOW = 1024
# Gauss's points on a step and their weights, exact up to the fifth power of t.
_PLACES = 0.5 + 0.5 * np.array([-(0.6**0.5), 0.0, 0.6**0.5])
_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 18.0
# How many times of a run are looked at before it starts.
_TRIALS = 4096


class Base(Defaults):
    """What a schedule of one's own inherits: a frozen dataclass with `value`, and `params` where it has any.

    ``value(t, p)`` is a plain function of the time and the parameters. It is called with arrays of times, and
    compiled where the time runs inside a step, so that it may read no global values but ``np``.
    """

    @default
    def value(self) -> Callable[[Any, Any], Any]:
        """The function of t and `params`."""
        raise SdesimError(f"{type(self).__name__} must have value, a function of t and its params")

    @default
    def params(self) -> Array:
        """Parameters p of `value`: none."""
        return np.zeros(0)

    @default
    def constant(self) -> float | None:
        """The one value that it has at all times; None where it changes."""
        return None

    @default
    def label(self) -> str:
        """What a figure calls it."""
        return f"{getattr(self, 'kind', type(self).__name__)}(t)"

    def __call__(self, t: ArrayLike) -> Any:
        """The value at times t ≥ 0, of the shape of t; a float for one time."""
        times = as_reals(t, "t")
        found = self._values(np.atleast_1d(times)).reshape(times.shape)
        return float(found) if times.ndim == 0 else found

    def _values(self, times: Array) -> Array:
        with np.errstate(all="ignore"):
            found = np.asarray(self.value(times, self.params), dtype=np.float64)
        return np.array(np.broadcast_to(found, times.shape))

    def problem(self, end: float, least: float = -np.inf) -> str | None:
        """Why it is no coefficient on [0, end], in one line: it is not finite or too small somewhere.

        Args:
            end: time of the last step. least: the smallest value that is allowed.
        """
        times = np.linspace(0.0, end, _TRIALS)
        try:
            found = self._values(times)
        except SdesimError as error:
            return str(error)
        wrong = np.flatnonzero(~(np.isfinite(found) & (found >= least)))
        if not wrong.size:
            return None
        allowed = "finite numbers" if least == -np.inf else f"finite numbers of at least {least:g}"
        return f"found {found[wrong[0]]:g} at t = {times[wrong[0]]:g}, allowed: {allowed}"

    def step_means(self, start: int, end: int, steps: int, dt: float, power: float = 1.0) -> Array:
        """1/dt ∫ f^power ds over each of the steps start … end − 1 of ``steps``, by Gauss's rule.

        Raises:
            SdesimError: a value is negative or not finite.
        """
        windows = [self._window(k, steps, dt, power) for k in range(start // _WINDOW, -(-end // _WINDOW))]
        first = start // _WINDOW * _WINDOW
        return np.concatenate(windows)[start - first : end - first] if windows else np.zeros(0)

    def _window(self, k: int, steps: int, dt: float, power: float) -> Array:
        # Whole windows, so that a run which goes on has the bits of one that went through; what lies beyond
        # the end is not asked for.
        numbers = np.minimum(np.arange(k * _WINDOW, (k + 1) * _WINDOW), steps - 1).astype(np.float64)
        times = ((numbers[:, None] + _PLACES) * dt).reshape(-1)
        found = self._values(times)
        wrong = np.flatnonzero(~(np.isfinite(found) & (found >= 0.0)))
        if wrong.size:
            place = f"{found[wrong[0]]:g} at t = {times[wrong[0]]:g}"
            raise SdesimError(f"a schedule is {place}, allowed: finite numbers of at least 0")
        a, b, c = (found**power).reshape(-1, 3).T
        # Term by term: a product of matrices may sum in another order for another number of rows.
        return np.asarray(_WEIGHTS[0] * (a + c) + _WEIGHTS[1] * b)[: steps - k * _WINDOW]


@dataclass(frozen=True, eq=False)
class OfTime(Base):
    """A user's function of t as a schedule; no file can hold it.

    Attributes:
        function: t → a number; it may take an array of times too.
    """

    function: Callable[[Any], Any]

    @property
    def value(self) -> Callable[[Any, Any], Any]:
        """The function, without parameters."""
        function = self.function
        return lambda t, p: function(t)

    @property
    def label(self) -> str:
        """The function's name."""
        return f"{getattr(self.function, '__name__', 'function')}(t)"

    def _values(self, times: Array) -> Array:
        try:
            return np.array([_number(v) for v in self._one_by_one(times)])
        except Exception as error:
            # Whatever a user's function raises.
            raise SdesimError(
                f"the function of t must take a number and return one: {failure(error)}"
            ) from error

    def problem(self, end: float, least: float = -np.inf) -> str | None:
        """As `Base.problem`; or it gives something else when it is called again."""
        times = np.linspace(0.0, end, _TRIALS)
        try:
            first, again = self._values(times), self._values(times)
        except SdesimError as error:
            return str(error)
        apart = np.flatnonzero((first != again) & ~(np.isnan(first) & np.isnan(again)))
        if not apart.size:
            return super().problem(end, least)
        k = apart[0]
        two = f"{first[k]:.6g} and then {again[k]:.6g} at t = {times[k]:.6g}"
        return f"the function of t gives {two}, allowed: a function of t alone; chance belongs into noises"

    def _one_by_one(self, times: Array) -> Iterator[Any]:
        # Never with an array: a function with an `if t < …` would answer wrongly or not at all.
        return (self.function(float(t)) for t in times)


def _number(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError(f"found {type(value).__name__}")
    return float(value)
