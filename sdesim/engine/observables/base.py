"""What an observable tells the engine: its values at states and times, and what they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError, failure
from sdesim.kinds.misfit import Misfit
from sdesim.kinds.registry import fields_of
from sdesim.kinds.spelling import short
from sdesim.runs.quantities import lookup
from sdesim.runs.schema import COORDINATES, DIMS, VARIABLES, VariableSpec

Array = NDArray[np.float64]
Problem = tuple[tuple[str | int, ...], str]
_NAME = re.compile(r"[A-Za-z]\w*")
_OVER = ("trajectory", "step")


@dataclass(frozen=True)
class Base:
    """A number made of a state and its time; a subclass is a frozen dataclass with `values`.

    Args:
        units: of the values; default what the kind itself says.
        long_name: what they are, in words; default what the kind itself says.
    """

    units: str | None = field(default=None, kw_only=True)
    long_name: str | None = field(default=None, kw_only=True)

    @property
    def own_units(self) -> str:
        """Units of the values where none are given."""
        return "unknown"

    @property
    def meaning(self) -> str:
        """What the values are, where no words are given."""
        return type(self).__name__

    def values(self, theta: Array, time: Array, surface: Any) -> Array:
        """The values (n,) at finite states θ (n, d) at times (n,); each row's must depend on that row alone.

        Args:
            surface: that is simulated, or the equation in its place.
        """
        raise SdesimError(f"{type(self).__name__} must have values(theta, time, surface)")

    def misfits(self, surface: Any, dim: int, starts: Array | None) -> Iterator[Problem]:
        """What does not suit d coordinates, a surface (None where it is known only later) or starts (k, d)
        as far as they are known: (field, message)."""
        yield from ()

    @property
    def functions(self) -> Mapping[str, Any]:
        """Functions of others that it calls, by what to call them."""
        return {}

    @property
    def identity(self) -> str:
        """What decides its values, beside the code of `functions`."""
        fields = fields_of(self).items()
        return repr({name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in fields})

    @property
    def spec(self) -> VariableSpec:
        """The variable of the run."""
        return VariableSpec(_OVER, self.units or self.own_units, self.long_name or self.meaning)


def as_observables(given: Mapping[str, Any] | None) -> dict[str, Base]:
    """Observables by name, functions among them as `Function`.

    Raises:
        Misfit: a name that no variable can have, or something that is no observable.
    """
    from sdesim.engine.observables.function import Function

    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Misfit("observe", f"found {short(given)}, allowed: observables by name, such as {{'r': f}}")
    wrong: list[Problem] = []
    found: dict[str, Base] = {}
    for name, value in given.items():
        wrong += [((*at,), text) for at, text in name_problems(str(name))]
        if not isinstance(value, type) and hasattr(value, "spec"):
            found[str(name)] = value
        elif callable(value) and not isinstance(value, type):
            found[str(name)] = Function(value)
        else:
            rule = "allowed: a function of x or of t and x, or one of sdesim.observables"
            wrong.append((("observe", str(name)), f"found {short(value)}, {rule}"))
    if wrong:
        raise Misfit(wrong)
    return found


def name_problems(name: str) -> Iterator[Problem]:
    """Why a variable of a run can't be called so."""
    if not _NAME.fullmatch(name):
        yield ("observe", name), "found such a name, allowed: letters, digits and _, a letter first"
    elif name in VARIABLES or name in DIMS or name in COORDINATES or lookup(name) is not None:
        yield ("observe", name), "found a name that runs have for something else, allowed: another"


def observed(
    observables: Mapping[str, Base], surface: Any, theta: Array, time: Array
) -> Iterator[tuple[str, Array]]:
    """Name and values (K, S) at states θ (K, S, d) and times (S,); NaN where the state is not finite."""
    shape = theta.shape[:2]
    points = theta.reshape(-1, theta.shape[-1])
    times = np.tile(time, shape[0])
    whole = np.isfinite(points).all(axis=1)
    kept, at = np.ascontiguousarray(points[whole]), times[whole]
    for name, observable in observables.items():
        values = np.full(len(points), np.nan)
        if len(kept):
            values[whole] = observable.values(kept, at, surface)
        yield name, values.reshape(shape)


def unreliable(observable: Any, surface: Any, starts: Array) -> str | None:
    """What the values in Python of a kind of others do that no observable may, tried at starts (k, d).

    They must leave the states, which other observables read too, as they are, and be the same again.
    """
    theta, time = np.array(starts, dtype=np.float64), np.zeros(len(starts))
    try:
        first = np.array(observable.values(theta, time, surface))
        again = np.array(observable.values(np.array(starts, dtype=np.float64), time.copy(), surface))
    except Exception as error:
        return f"values fails at t = 0 and the start: {failure(error)}"
    if not np.array_equal(theta, starts, equal_nan=True) or time.any():
        return "values writes into its arguments, allowed: to read them; a copy may be changed"
    if not np.array_equal(first, again, equal_nan=first.dtype.kind == "f"):
        return "values gives something else when called again, allowed: a function of its arguments alone"
    return None


def summed(columns: Callable[[int], Array], count: int) -> Array:
    """Σ_k of columns (n,), one after the other: sums along rows may differ with the number of rows."""
    total = np.array(columns(0))
    for k in range(1, count):
        total += columns(k)
    return total
