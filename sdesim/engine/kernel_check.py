"""Compiled functions of kinds that are not sdesim's, called once before the first step (`first_calls`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.first_call import PLACES, first_calls
from sdesim.compiled.sources import is_own
from sdesim.compiled.tuples import states_beside
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.noise.kernel import NoiseKernel
from sdesim.surfaces.base import SurfaceKernel
from sdesim.surfaces.custom_surface import telling_line

if TYPE_CHECKING:
    from sdesim.engine.events.region import Region
    from sdesim.engine.plan import Plan

Array = NDArray[np.float64]
# What increments are tried with.
_STEP = 0.125


def check_functions(plan: Plan) -> None:
    """Call the compiled functions of noises, walls, events and schemes of others at the start and beside it.

    Raises:
        Misfit: in one line, with the argument of `simulate` whose it is: one takes an index beyond an array,
            writes what it is given to read, or gives something else when called again.
    """
    x = block_beside(plan.theta0[0])
    v = np.zeros((plan.dim if plan.scheme.velocity else 0, x.shape[1]))
    # Those that are an equation's own come first.
    own = len(plan.noise_kernels) - len(plan.noises)
    for k, kernel in enumerate(plan.noise_kernels):
        name = "" if k < own else f"{type(plan.noises[k - own]).__name__}: "
        with _placed("surface" if k < own else ("noise", k - own)):
            _check_noise(plan, name, kernel, x)
    with _placed("boundary"):
        for wall in plan.walls:
            given = (x, v, wall.params)
            _called(_function(wall.module, wall.function), wall.function, given, (0, 1))
            if wall.near is not None:
                off: tuple[Any, ...] = (x, x + 0.5 * _STEP, np.ones_like(x), 0, plan.dt, np.ones(plan.dim))
                _called(_function(wall.module, wall.near), wall.near, (*off, wall.params), ())
    with _placed("events"):
        for region in plan.regions:
            check_region(region, x)
    if not plan.scheme.walks and not is_own(type(plan.scheme).__module__):
        with _placed("scheme"):
            _check_step(plan, x, v)


@contextmanager
def _placed(at: str | tuple[str | int, ...]) -> Iterator[None]:
    try:
        yield
    except SdesimError as error:
        raise Misfit((at,) if isinstance(at, str) else at, str(error)) from None


def _check_noise(plan: Plan, noise: str, kernel: NoiseKernel, x: Array) -> None:
    """What fills increments and what makes them act on a state."""
    if not kernel.module:
        # A law of its own, walked outside the compiled loop.
        return
    rows = kernel.rows or {"examples": plan.kernel.examples}.get(kernel.enters, plan.dim)
    out, scratch = np.zeros((rows, x.shape[1])), np.zeros((rows, x.shape[1]))
    number: tuple[Any, ...] = (np.uint64(plan.seed), 0, plan.first)
    arrays = (kernel.params, kernel.data)
    for name in {kernel.function, kernel.setter} - {None}:
        given = (*number, 0, *arrays, out, out, scratch, scratch)
        again = (6, 7) if name == kernel.setter else ()
        # What is drawn ahead has arrays of its own, which are not there yet.
        if kernel.ahead is None and kernel.enters != "factor":
            _called(_function(kernel.module, str(name)), f"{noise}{name}", given, (6, 7, 8, 9), again)
    if kernel.acts is not None and not kernel.functions:
        given = (x, *number, 0, *arrays, np.zeros_like(x))
        _called(_function(kernel.module, kernel.acts), f"{noise}{kernel.acts}", given, (7,))


def check_region(region: Region, x: Array) -> None:
    """The same of what watches an event.

    Args:
        x: states (d, W).

    Raises:
        SdesimError: as `check_functions`.
    """
    walls, width = region.walls, x.shape[1]
    found = {
        name: region.functions.get(name) or _function(region.module, getattr(region, name))
        for name in ("nearest", "gap", "normal")
    }
    given = (x, region.params, np.zeros(walls), np.ones(walls), np.zeros(width))
    _called(found["nearest"], "nearest", given, (4,), (4,))
    for wall in range(walls):
        _called(found["gap"], "gap", (x, 0, wall, region.params), ())
        out = np.zeros(len(x))
        _called(found["normal"], "normal", (x, 0, wall, region.params, out), (4,), (4,))


def _check_step(plan: Plan, x: Array, v: Array) -> None:
    """The step of a scheme, with the functions of surface and noises that it calls."""
    from sdesim.engine.kernels.codegen import driver

    scheme, kernels, width = plan.scheme, plan.noise_kernels, x.shape[1]
    entering = {kernel.enters for kernel in kernels}

    def block(rows: int) -> Array:
        return np.full((rows, width), _STEP)

    given = (
        x,
        v,
        block(plan.dim),
        block(plan.dim if scheme.auxiliary else 0),
        block(plan.dim if "multiplicative" in entering else 0),
        block(plan.kernel.factors or (plan.kernel.examples if "examples" in entering else 0)),
        plan.kernel.arrays,
        np.asarray(scheme.params(plan.dt), np.float64),
        np.asarray(plan.variance_rate, np.float64),
        plan.dt,
        np.zeros((scheme.work_arrays(plan.dim), plan.dim, width)),
    )
    step = driver(plan.kernel, kernels, scheme).step
    # Increments and the surface's clock are the step's own to change.
    _called(step, f"{type(scheme).__name__}: step", given, (0, 1, 2, 3, 4, 5, 6, 10))


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
    if not isinstance(plain, FunctionType) or is_own(plain.__module__):
        return
    from numba.core.errors import NumbaError

    try:
        first_calls(function, name, [given], written, set_whole)
    except (NumbaError, TypeError) as error:
        raise SdesimError(f"Numba can't compile {name}: {telling_line(error)}") from None


def _function(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function
