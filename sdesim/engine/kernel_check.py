"""Compiled functions of kinds that are not sdesim's, called once before the first step (`first_calls`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.first_call import PLACES, first_calls
from sdesim.compiled.sources import is_own
from sdesim.compiled.tuples import states_beside
from sdesim.surfaces.base import SurfaceKernel

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan

Array = NDArray[np.float64]


def check_functions(plan: Plan) -> None:
    """Call the compiled functions of noises and walls of others at the start and beside it.

    Raises:
        SdesimError: in one line: one takes an index beyond an array, writes what it is given to read, or
            gives something else when called again.
    """
    x = block_beside(plan.theta0[0])
    width = x.shape[1]
    for noise, kernel in zip(_named(plan), plan.noise_kernels, strict=True):
        if not kernel.module:
            # A law of its own, walked outside the compiled loop.
            continue
        rows = kernel.rows or {"examples": plan.kernel.examples}.get(kernel.enters, plan.dim)
        out, scratch = np.zeros((rows, width)), np.zeros((rows, width))
        number: tuple[Any, ...] = (np.uint64(plan.seed), 0, plan.first)
        arrays = (kernel.params, kernel.data)
        for name in {kernel.function, kernel.setter} - {None}:
            given = (*number, 0, *arrays, out, out, scratch, scratch)
            again = (6, 7) if name == kernel.setter else ()
            # What is drawn ahead has arrays of its own, which are not there yet.
            if kernel.ahead is None and kernel.enters != "factor":
                _called(_function(kernel.module, str(name)), f"{noise}: {name}", given, (6, 7, 8, 9), again)
        if kernel.acts is not None and not kernel.functions:
            given = (x, *number, 0, *arrays, np.zeros_like(x))
            _called(_function(kernel.module, kernel.acts), f"{noise}: {kernel.acts}", given, (7,))
    v = np.zeros((plan.dim if plan.scheme.velocity else 0, width))
    for wall in plan.walls:
        given = (x, v, wall.params)
        _called(_function(wall.module, wall.function), f"boundary: {wall.function}", given, (0, 1))


def check_surface_functions(kernel: SurfaceKernel, start: Array, name: str) -> None:
    """The same of a surface's or an equation's.

    Args:
        start: (d,). name: of its class.

    Raises:
        SdesimError: as `check_functions`; or one leaves entries of its result as they were before.
    """
    x = block_beside(start)
    width, arrays = x.shape[1], kernel.arrays
    first = {
        "grad": (x, *arrays, np.zeros_like(x)),
        "loss": (x, *arrays, np.zeros(width)),
        "hvp": (x, np.ones_like(x), *arrays, np.zeros_like(x)),
        "weighted_grad": (x, np.ones((kernel.examples, width)), *arrays, np.zeros_like(x)),
        "factor": (x, np.ones((kernel.factors, width)), *arrays, np.zeros_like(x)),
    }
    for role, given in first.items():
        if kernel.offers(role) and (role != "weighted_grad" or kernel.examples):
            out = len(given) - 1
            _called(kernel.function(role), f"{name}: {role}", given, (out,), (out,))
    if kernel.offers("well"):
        _called(kernel.function("well"), f"{name}: well", (x, 0, kernel.params), ())


def block_beside(start: Array) -> Array:
    """The start and states beside it, (d, W)."""
    return np.array(np.stack(states_beside(start)[:PLACES], axis=1), order="C")


def _called(
    function: Any, name: str, given: tuple[Any, ...], written: Sequence[int], set_whole: Sequence[int] = ()
) -> None:
    plain = getattr(function, "py_func", None)
    if isinstance(plain, FunctionType) and not is_own(plain.__module__):
        first_calls(function, name, [given], written, set_whole)


def _function(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def _named(plan: Plan) -> list[str]:
    """What each kernel is of; those that are an equation's own come first."""
    own = len(plan.noise_kernels) - len(plan.noises)
    return ["surface"] * own + [f"noise[{k}] {type(noise).__name__}" for k, noise in enumerate(plan.noises)]
