"""The first calls of functions of others: with their indices checked, and held to what the engine relies on.

Compiled code checks no index: what lies beyond an array is read, or written, as if it belonged to it. So a
twin is called first that checks every one, in the function and in all functions of others that it calls. The
function itself is then called twice at the same place: it must leave its arguments as they are and give the
same both times. All of this comes before the first step, and costs none of them anything.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import CellType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from sdesim.compiled.sources import is_library, is_own, names_of
from sdesim.errors import SdesimError, failure

# At how many states of `states_beside` a function is called first: the start and others.
PLACES = 3
# By the function, which Numba freezes when it compiles: what it calls is the same in later calls.
_TWINS: WeakKeyDictionary[Any, tuple[Any, str]] = WeakKeyDictionary()
# Options that would keep Python from calling the twin, or its code on disk.
_LEFT_OUT = ("no_cpython_wrapper", "no_cfunc_wrapper", "cache")


def first_calls(
    function: Any,
    name: str,
    calls: Sequence[tuple[Any, ...]],
    written: Sequence[int] = (),
    set_whole: Sequence[int] = (),
) -> Any:
    """Call a compiled function at every place, twice, after its twin with checked indices.

    Args:
        function: compiled, as `sdesim.compiled.jit` or Numba's ``njit`` does.
        name: what messages call it.
        calls: arguments, numbers and arrays, of each place; they are copied.
        written: places of the arguments that it is there to write.
        set_whole: those of them in which nothing is to stay as it was.

    Returns:
        What it returned at the first place.

    Raises:
        SdesimError: in one line: it fails at the first place, reads or writes beyond an array, writes into
            an argument or leaves part of a result unwritten, draws random numbers, gives rows of different
            lengths, or something else when called again.
    """
    from numba.core.errors import NumbaError

    checked, draws = _twin(function)
    if draws:
        raise SdesimError(f"{name} draws random numbers ({draws}), {_ALLOWED}")
    found = []
    for at, arguments in enumerate(calls):
        try:
            checked(*_copies(arguments))
        except IndexError:
            raise SdesimError(
                f"{name} takes an index beyond an array {_place(arguments)}, allowed: indices inside"
            ) from None
        except NumbaError:
            # What does not compile at all says so below.
            function(*_copies(arguments))
            warnings.warn(f"the indices of {name} can't be checked", stacklevel=2)
        except TypeError:
            # Numba's, where the arguments do not fit.
            if at == 0:
                raise
            continue
        except Exception as error:
            if at == 0:
                raise SdesimError(f"{name} fails {_place(arguments)}: {failure(error)}") from None
            # It need not have values everywhere beside the start.
            continue
        first, again = _copies(arguments), _copies(arguments)
        found.append(function(*first))
        for k in set_whole:
            again[k][...] = np.nan
        second = function(*again)
        for k, (before, after) in enumerate(zip(arguments, first, strict=True)):
            if k not in written and not _same(before, after):
                raise SdesimError(
                    f"{name} writes into its argument {_argument(function, k)}, allowed: to read it; "
                    f"a copy of it may be changed"
                )
        for k in set_whole:
            if (np.isnan(again[k]) & ~np.isnan(first[k])).any():
                raise SdesimError(f"{name} leaves numbers of {_argument(function, k)} as they were before")
        ways = [(found[-1], second), *((first[k], again[k]) for k in written)]
        for one, other in ways:
            if not _same(one, other):
                raise SdesimError(f"{name} gives {_differing(one, other)} {_place(arguments)}, {_ALLOWED}")
    try:
        np.shape(found[0])
    except ValueError:
        raise SdesimError(f"{name} gives rows of different lengths") from None
    return found[0]


_ALLOWED = "allowed: a function of its arguments alone; chance belongs into noises"


def _copies(arguments: Sequence[Any]) -> list[Any]:
    return [_copied(a) for a in arguments]


def _copied(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_copied, value))
    return value.copy() if isinstance(value, np.ndarray) else value


def _leaves(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    if isinstance(value, tuple | list):
        for part in value:
            yield from _leaves(part)
    elif value is not None:
        yield np.asarray(value)


def _same(one: Any, other: Any) -> bool:
    """Whether two results are the same, NaN too."""
    pairs = list(zip(_leaves(one), _leaves(other), strict=True))
    return all(a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc") for a, b in pairs)


def _differing(one: Any, other: Any) -> str:
    """The first two numbers that differ, in words."""
    for a, b in zip(_leaves(one), _leaves(other), strict=True):
        if a.shape != b.shape:
            return f"shape {a.shape} and then {b.shape}"
        for left, right in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
            if left != right and not (left != left and right != right):
                return f"{left:.6g} and then {right:.6g}"
    return "two results"


def _place(arguments: Sequence[Any]) -> str:
    """Where it was called, as far as that fits a line."""
    first = next((a for a in arguments if isinstance(a, np.ndarray)), None)
    if first is None or first.ndim != 1 or first.size > 4:
        return "at the start or beside it"
    return "at [" + ", ".join(f"{value:.6g}" for value in first.tolist()) + "]"


def _argument(function: Any, k: int) -> str:
    code = getattr(function, "py_func", function).__code__
    return str(code.co_varnames[k]) if k < code.co_argcount else f"number {k + 1}"


def _twin(function: Any) -> tuple[Any, str]:
    """The twin of a compiled function, one for each, and by what it draws numbers, if it does."""
    if function not in _TWINS:
        twins = _Twins()
        _TWINS[function] = (twins.of(function), twins.draws)
    return _TWINS[function]


class _Twins:
    """Copies of compiled functions whose indices are checked, and of all those of others that they call."""

    def __init__(self) -> None:
        self.draws = ""
        self._made: dict[int, tuple[Any, Any]] = {}

    def of(self, value: Any) -> Any:
        """The twin of a compiled function; anything else, sdesim's own and libraries' too, as it is."""
        plain = getattr(value, "py_func", None)
        if not isinstance(plain, FunctionType) or is_own(plain.__module__) or _library(plain.__module__):
            return value if not _our_wrapper(value) else self._copied(value)
        return self._copied(value)

    def _copied(self, value: Any) -> Any:
        from numba import jit

        if id(value) in self._made:
            return self._made[id(value)][1]
        plain: FunctionType = value.py_func
        names = dict(plain.__globals__)
        cells = tuple(CellType() for _ in plain.__closure__ or ())
        copy = FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, cells or None)
        copy.__kwdefaults__ = plain.__kwdefaults__
        copy.__qualname__, copy.__module__ = plain.__qualname__, plain.__module__
        options = {k: v for k, v in value.targetoptions.items() if k not in _LEFT_OUT}
        made = jit(**{**options, "nopython": True, "boundscheck": True})(copy)
        # Kept with its original, whose id stays taken; and known before what it calls, which may be itself.
        self._made[id(value)] = (value, made)
        for cell, original in zip(cells, plain.__closure__ or (), strict=True):
            try:
                cell.cell_contents = self.of(original.cell_contents)
            except ValueError:
                # A name that is not bound yet.
                continue
        read, attributes = names_of(plain.__code__)
        for name in read & set(names):
            names[name] = self._global(name, names[name], attributes)
        return made

    def _global(self, name: str, value: Any, attributes: frozenset[str]) -> Any:
        if not isinstance(value, ModuleType):
            if isinstance(getattr(value, "__self__", None), np.random.RandomState | random.Random):
                self.draws = name
            return self.of(value)
        if value is random or value is np.random:
            self.draws = name
        elif value is np and "random" in attributes:
            self.draws = f"{name}.random"
        if is_own(value.__name__) or _library(value.__name__):
            return value
        kept = {key: self.of(vars(value)[key]) for key in attributes & set(vars(value))}
        if all(kept[key] is vars(value)[key] for key in kept):
            return value
        twin = ModuleType(value.__name__)
        twin.__dict__.update({**vars(value), **kept})
        return twin


def _library(module: str | None) -> bool:
    return module is not None and is_library(module)


def _our_wrapper(value: Any) -> bool:
    """Whether a compiled function of sdesim's closes over one of others, which it calls."""
    plain: Callable[..., Any] | None = getattr(value, "py_func", None)
    return isinstance(plain, FunctionType) and any(
        hasattr(_held(cell), "py_func") for cell in plain.__closure__ or ()
    )


def _held(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
