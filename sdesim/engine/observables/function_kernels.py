"""Functions of x, or of t and x, lifted to many states; compiled for this process only."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.errors import NumbaError
from numba.extending import is_jitted
from numpy.typing import NDArray

from sdesim.compiled.first_call import PLACES, first_calls
from sdesim.compiled.jit import compiled_in_memory, guard
from sdesim.compiled.tuples import states_beside
from sdesim.errors import SdesimError, first_line
from sdesim.surfaces.custom_surface import telling_line


def timed(function: Callable[..., Any]) -> bool:
    """Whether it takes t and x, and not x alone.

    Raises:
        SdesimError: it takes neither one nor two arguments.
    """
    plain = getattr(function, "py_func", function)
    try:
        given = inspect.signature(plain).parameters.values()
    except (TypeError, ValueError):
        raise SdesimError(f"{called(function)} says no arguments, allowed: x, or t and x") from None
    needed = [p for p in given if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if len(needed) not in (1, 2) or any(p.kind is p.KEYWORD_ONLY for p in needed):
        names = ", ".join(p.name for p in given)
        raise SdesimError(f"{called(function)} takes ({names}), allowed: x, or t and x")
    return len(needed) == 2


def called(function: Any) -> str:
    """What messages call it."""
    return f"the function {getattr(function, '__name__', type(function).__name__)}"


def tried(one: Any, function: Callable[..., Any], point: NDArray[np.float64]) -> None:
    """Call a function and its compiled form at t = 0 and a state (d,).

    Raises:
        SdesimError: in one line, what is wrong.
    """
    arguments = (0.0,) if timed(function) else ()
    plain = getattr(function, "py_func", function)
    try:
        # Python says more of what is wrong than compiled code.
        with np.errstate(all="ignore"):
            plain(*arguments, point.copy())
    except Exception as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise SdesimError(f"{called(function)} fails at t = 0 and the start: {said}") from None
    try:
        result = first_calls(one, called(function), [(*arguments, x) for x in states_beside(point)[:PLACES]])
    except (NumbaError, TypeError) as error:
        raise _uncompiled(function, error) from None
    found = np.asarray(result)
    if found.shape or found.dtype.kind not in "biuf":
        raise SdesimError(
            f"{called(function)} must return a number, got {found.dtype} of shape {found.shape}"
        )


def of_one(function: Callable[..., Any]) -> Any:
    """The function compiled.

    Raises:
        SdesimError: it is something that can be called, but no function that Numba takes.
    """
    try:
        jitted = function if is_jitted(function) else compiled_in_memory(function)
    except TypeError as error:
        raise _uncompiled(function, error) from None
    guard([jitted])
    return jitted


def _uncompiled(function: Any, error: Exception) -> SdesimError:
    return SdesimError(f"Numba can't compile {called(function)}: {telling_line(error)}")


def of_rows(one: Any, function: Callable[..., Any]) -> Any:
    """``values(theta (n, d), time (n,), out (n,))`` of a compiled function, each row by itself."""
    with_time = timed(function)

    @compiled_in_memory
    def of_time(theta: Any, time: Any, out: Any) -> Any:
        point = np.empty(theta.shape[1])
        for n in range(theta.shape[0]):
            # A copy: what a function writes at some later state spoils nothing else.
            point[:] = theta[n]
            out[n] = one(time[n], point)

    @compiled_in_memory
    def of_state(theta: Any, time: Any, out: Any) -> Any:
        point = np.empty(theta.shape[1])
        for n in range(theta.shape[0]):
            point[:] = theta[n]
            out[n] = one(point)

    return of_time if with_time else of_state
