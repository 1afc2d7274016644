"""What every estimator returns: a number with its interval, method, sample size and flags, or many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Masks: TypeAlias = Mapping[str, Mask]

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    Value = TypeVar("Value", covariant=True, default=float)
    Flags = TypeVar("Flags", covariant=True, default=tuple[str, ...])
    Count = TypeVar("Count", covariant=True, default=int)
    Name = TypeVar("Name", covariant=True, default=str)
else:
    from typing import TypeVar

    # typing has defaults only from Python 3.13 on.
    Value, Flags, Count, Name = (TypeVar(name) for name in ("Value", "Flags", "Count", "Name"))


@dataclass(frozen=True, repr=False)
class Estimate(Generic[Value, Flags, Count, Name]):
    """A measured value and how far it can be trusted; or many of one quantity, one at each place.

    Of one number (`Estimate`) the fields are plain. Where `value` is an array (...,), the form is an
    `ArrayEstimate`: low, high, n and method are broadcast to (...,), flags become masks (...,) by name (a
    bare name is raised everywhere), and details hold arrays (...,) or what all places share. Indexing gives
    the places: ``e[2, 0]`` is the plain Estimate there, ``e[:, 0]`` an array of them.

    Attributes:
        value: point estimate, in the units of the quantity.
        low, high: ends of the interval at `level`; NaN when there is none.
        level: nominal coverage of the interval, in (0, 1).
        method: name of the method that made the value.
        n: number of samples it rests on.
        flags: warnings, lower-case words (`negative_signal`, `not_converged`, …).
        details: further facts of the method (diagnostics, the name of a threshold), by name.
    """

    value: Value
    low: Value
    high: Value
    level: float
    method: Name
    n: Count
    flags: Flags = ()  # type: ignore[assignment]
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.is_array:
            self._broadcast()

    def _broadcast(self) -> None:
        value = np.asarray(self.value, dtype=np.float64)
        shape = value.shape
        flags: Any = self.flags
        if not isinstance(flags, Mapping):
            flags = dict.fromkeys(flags, np.True_)
        whole = {
            "value": value,
            "low": _full(self.low, shape, np.float64),
            "high": _full(self.high, shape, np.float64),
            "n": _full(self.n, shape),
            "method": _full(self.method, shape),
            "flags": {f: _full(mask, shape, bool) for f, mask in flags.items()},
        }
        for name, array in whole.items():
            object.__setattr__(self, name, array)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the places; () of one number."""
        value: Any = self.value
        return () if isinstance(value, float) else tuple(np.shape(value))

    @property
    def is_array(self) -> bool:
        """Whether it holds an array and not one number."""
        return self.shape != ()

    def __getitem__(self, place: Any) -> AnyEstimate:
        """The Estimate at one place, or those at several, as NumPy indexes an array (...,)."""
        if not self.is_array:
            raise TypeError("an Estimate of one number has no places")
        whole: Any = self
        value, low, high, n, method = (
            a[place] for a in (whole.value, whole.low, whole.high, whole.n, whole.method)
        )
        flags = {f: mask[place] for f, mask in whole.flags.items()}
        details = {
            k: v[place] if isinstance(v, np.ndarray) and v.shape == self.shape else v
            for k, v in self.details.items()
        }  # fmt: skip
        if np.ndim(value):
            return Estimate(value, low, high, self.level, method, n, flags, details)
        plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in details.items()}
        names = tuple(f for f, raised in flags.items() if raised)
        return Estimate(
            float(value), float(low), float(high), self.level, str(method), n.item(), names, plain
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        """Whether all fields are equal; arrays element by element, NaN equal to NaN."""
        if type(other) is not type(self):
            return NotImplemented
        both = [(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)]
        if self.is_array or getattr(other, "is_array", False):
            return all(_same(a, b) for a, b in both)
        # As tuples, so that an object equals itself, a NaN too.
        return tuple(a for a, _ in both) == tuple(b for _, b in both)

    def __float__(self) -> float:
        return float(self.value)  # type: ignore[arg-type]

    def __str__(self) -> str:
        if self.is_array:
            return f"{self.shape} {self.value}"
        span = "no interval" if math.isnan(self.low) else f"{self.low:.4g}, {self.high:.4g}"  # type: ignore[arg-type]
        flags = f" ({', '.join(self.flags)})" if self.flags else ""  # type: ignore[arg-type]
        return f"{self.value:.4g} [{span}]{flags}"

    def __repr__(self) -> str:
        """All fields of one number; of an array what is in it."""
        if not self.is_array:
            told = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))
            return f"Estimate({told})"
        return f"<Estimate of {self.shape}: {'; '.join(f'{k} {v}' for k, v in self._facts())}>"

    def _repr_html_(self) -> str:
        from sdesim.io.html import html_table

        return html_table(("", ""), self._facts(), "Estimate")

    def _facts(self) -> list[tuple[str, str]]:
        whole: Any = self
        if not self.is_array:
            span = "none" if math.isnan(whole.low) else f"[{whole.low:.6g}, {whole.high:.6g}]"
            facts = [("value", f"{whole.value:.6g}"), (f"{self.level:.0%} interval", span)]
            flags = ", ".join(whole.flags)
            facts += [("method", whole.method), ("n", f"{whole.n:,}"), ("flags", flags)]
            return [(k, v) for k, v in facts if v]
        finite = whole.value[np.isfinite(whole.value)]
        missing = whole.value.size - finite.size
        facts = [("values", f"{finite.min():.4g} to {finite.max():.4g}")] if finite.size else []
        facts += [("not finite", f"{missing:,} of {whole.value.size:,}")] if missing else []
        facts += [("level", f"{self.level:g}"), ("method", ", ".join(dict.fromkeys(whole.method.ravel())))]
        raised = [f"{name} ({int(mask.sum()):,})" for name, mask in whole.flags.items() if mask.any()]
        return [*facts, *([("flags", ", ".join(raised))] if raised else [])]

    def to_table(self) -> Any:
        """A pandas DataFrame with value, low, high, n, method and flags (joined by semicolons), a row for
        each place in the order of NumPy, indexed by it; of one number one row."""
        import pandas as pd

        places = list(np.ndindex(self.shape)) if self.is_array else [()]
        rows: list[Any] = [self[place] if self.is_array else self for place in places]
        columns = {name: [getattr(e, name) for e in rows] for name in ("value", "low", "high", "n", "method")}
        table = pd.DataFrame({**columns, "flags": [";".join(e.flags) for e in rows]})
        if self.is_array:
            table.index = pd.MultiIndex.from_tuples(places) if len(self.shape) > 1 else table.index
        return table

    def has(self, flag: str) -> Any:
        """Whether `flag` was raised; of an array the mask (...,) of where."""
        if isinstance(self.flags, Mapping):
            return self.flags[flag] if flag in self.flags else np.zeros(self.shape, dtype=bool)
        return flag in self.flags  # type: ignore[operator]

    def mapped(
        self, form: Callable[[Array], Any], falling: bool = False, method: str | None = None,
        flags: Iterable[str] = (),
    ) -> Estimate[Value, Flags, Count, Name]:  # fmt: skip
        """A monotone function of the value and of both ends, element by element, under the same flags.

        Args:
            form: arrays (...,) to arrays (...,).
            falling: the ends change places.
            method: default the same. flags: more of them, raised everywhere.
        """
        ends = (self.high, self.low) if falling else (self.low, self.high)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            made = [
                np.asarray(form(np.asarray(x, dtype=np.float64)), np.float64) for x in (self.value, *ends)
            ]
        more = [f for f in flags if f not in self.flags]  # type: ignore[operator]
        given: Any = self.flags
        if self.is_array:
            kept: Any = {**given, **dict.fromkeys(more, np.True_)}
        else:
            made, kept = [float(x) for x in made], (*given, *more)  # type: ignore[misc]
        name: Any = self.method if method is None else method
        return Estimate(made[0], made[1], made[2], self.level, name, self.n, kept)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary for JSON; of an array nested lists, and flags by name."""
        flags: Any = self.flags
        return {
            "value": _plain(self.value),
            "low": _plain(self.low),
            "high": _plain(self.high),
            "level": self.level,
            "method": _listed(self.method),
            "n": _listed(self.n),
            "flags": {k: m.tolist() for k, m in flags.items()} if self.is_array else list(flags),
            "details": {k: _listed(v) for k, v in self.details.items()}
            if self.is_array
            else dict(self.details),
        }


ArrayEstimate: TypeAlias = "Estimate[Array, Masks, NDArray[np.int64], NDArray[np.str_]]"
# A number or an array, as the inputs are.
AnyEstimate: TypeAlias = "Estimate[Any, Any, Any, Any]"


def _full(x: Any, shape: tuple[int, ...], dtype: Any = None) -> NDArray[Any]:
    array = np.asarray(x, dtype=dtype)
    return array if array.shape == shape else np.broadcast_to(array, shape)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    x, y = np.asarray(a), np.asarray(b)
    return np.array_equal(x, y, equal_nan=x.dtype.kind == y.dtype.kind == "f")


def _listed(x: Any) -> Any:
    return x.tolist() if isinstance(x, np.ndarray) else x


def _plain(x: Any) -> Any:
    return x.tolist() if isinstance(x, np.ndarray) else float(x)
