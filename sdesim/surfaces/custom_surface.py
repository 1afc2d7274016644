"""Surfaces made of a user's own functions, compiled with the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.compiled.tuples import plain_of, states_beside, takes_tuples
from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.kinds.numbers import Array, as_finite, as_start, as_theta, whole
from sdesim.kinds.spelling import short
from sdesim.surfaces.base import Base, SurfaceKernel


def custom(
    loss: Callable[..., Any],
    grad: Callable[..., Any] | None = None,
    hvp: Callable[..., Any] | None = None,
    *,
    dim: int,
    start: ArrayLike | None = None,
    minima: ArrayLike | None = None,
    wells: Sequence[str] | None = None,
    conservative: bool = True,
) -> Custom:
    """A surface of one's own functions, which Numba compiles; they are called for one point at a time.

    Args:
        loss: θ (d,) → float.
        grad: θ (d,) → (d,); no surface goes without. A tuple is the fast form, as of `sdesim.SDE`: an array
            is made anew for every state.
        hvp: θ (d,), v (d,) → (d,), an array or a tuple. Without it central differences of ``grad`` stand in,
            with the step 6e-6 (1 + |θ|)/|v|: on a smooth surface of moderate scale about 1e-9 relative.
        dim: d.
        start: default starting point (d,); the origin without it.
        minima: (m, d), known minima; θ then lies in the well of the nearest one. Without them there are no
            wells.
        wells: names of the wells, in the order of minima; "0", "1", … without it.
        conservative: False where −grad is a drift that no loss has as its gradient, on purpose: derivatives
            are then not held against differences.

    Raises:
        SdesimError: if Numba can't compile a function, its result has the wrong shape, or a value does not
            fit; if one takes an index beyond an array, writes into its argument, or gives something else when
            called again (`sdesim.compiled.first_call`); or if grad is not the gradient of loss, or hvp not
            the derivative of grad, at the start and beside it (`sdesim.surfaces.derivative_check`).
    """
    return Custom(loss, grad, hvp, dim, start, minima, wells, conservative)


@dataclass(frozen=True, init=False, eq=False)
class Custom(Base):
    """A surface of a user's functions; made by `custom`.

    Compiled for this process only: another one compiles it again.
    """

    dim: int
    start: Array
    wells: tuple[str, ...]
    _minima: Array
    _functions: dict[str, Any]

    def __init__(
        self,
        loss: Callable[..., Any],
        grad: Callable[..., Any] | None = None,
        hvp: Callable[..., Any] | None = None,
        dim: int | None = None,
        start: ArrayLike | None = None,
        minima: ArrayLike | None = None,
        wells: Sequence[str] | None = None,
        conservative: bool = True,
    ) -> None:
        if grad is None:
            raise Misfit("grad", "missing, give the gradient of the loss, a function of θ (d,)")
        d = whole(dim, "dim")
        point = np.zeros(d) if start is None else as_start(start, d).reshape(-1)
        if point.shape != (d,):
            raise SdesimError(f"start must be ({d},), got {point.size} numbers")
        known = np.zeros((0, d)) if minima is None else np.atleast_2d(as_finite(minima, "minima"))
        if known.ndim != 2 or known.shape[1] != d:
            raise SdesimError(f"minima must be (m, {d}), got shape {known.shape}")
        if wells is not None and (isinstance(wells, str) or not isinstance(wells, Iterable)):
            raise SdesimError(f"wells must be a list of names, got {short(wells)}")
        names = tuple(str(k) for k in range(len(known))) if wells is None else tuple(map(str, wells))
        if len(names) != len(known):
            raise SdesimError(f"wells must name {len(known)} minima, got {len(names)} names")
        functions, points = _compile(loss, grad, hvp, point)
        if conservative:
            _check(points, point, hvp is not None)
        if names:
            from sdesim.surfaces.custom_kernels import nearest_well

            functions["well"] = nearest_well
        object.__setattr__(self, "dim", d)
        object.__setattr__(self, "start", point)
        object.__setattr__(self, "wells", names)
        object.__setattr__(self, "_minima", known.copy())
        object.__setattr__(self, "_functions", functions)
        point.flags.writeable = False

    def minima(self) -> Array:
        """The minima that were given: (m, d)."""
        return self._minima.copy()

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """Index of the nearest minimum, −1 without any and where θ is not finite: (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        if not self.wells:
            return np.full(x.shape[:-1], -1, dtype=np.int64)
        inside = np.all(np.isfinite(x), axis=-1)
        safe = np.where(inside[..., None], x, 0.0)
        distance = np.sum((safe[..., None, :] - self._minima) ** 2, axis=-1)
        return np.where(inside, np.argmin(distance, axis=-1), -1).astype(np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side, held in memory."""
        return SurfaceKernel(
            "",
            "grad",
            "loss",
            self._minima.reshape(-1),
            well="well" if self.wells else None,
            hvp="hvp",
            functions=self._functions,
        )


def _compile(
    loss: Callable[..., Any], grad: Callable[..., Any], hvp: Callable[..., Any] | None, point: Array
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The user's functions on blocks, and of one point, after one trial of each.

    Raises:
        SdesimError: if one can't be compiled or gives the wrong shape.
    """
    from sdesim.surfaces import custom_kernels as user_kernels

    value = _compiled_one(loss, "loss", (point,), ())
    slope = _compiled_one(grad, "grad", (point,), point.shape)
    product: Any = (
        None if hvp is None else _compiled_one(hvp, "hvp", (point, np.ones_like(point)), point.shape)
    )
    blocks = {"loss": user_kernels.block_loss(value)}
    if isinstance(slope(point.copy()), tuple):
        by_tuple = _by_tuple(grad, slope, point, 1)
        blocks["grad"] = user_kernels.tuple_grad(plain_of(grad), len(point), by_tuple)
        blocks["hvp"] = user_kernels.difference_of_blocks(blocks["grad"])
    else:
        blocks["grad"] = user_kernels.block_grad(slope)
        blocks["hvp"] = user_kernels.block_hvp(user_kernels.difference_of(slope))
    if hvp is not None:
        if isinstance(product(point.copy(), point.copy()), tuple):
            by_tuple = _by_tuple(hvp, product, point, 2)
            blocks["hvp"] = user_kernels.tuple_hvp(plain_of(hvp), len(point), by_tuple)
        else:
            blocks["hvp"] = user_kernels.block_hvp(product)
    return blocks, {"loss": value, "grad": slope, "hvp": product}


def _by_tuple(function: Callable[..., Any], compiled: Any, point: Array, count: int) -> bool:
    """Whether a function of so many vectors takes tuples for them."""
    states = states_beside(point)
    return takes_tuples(plain_of(function), compiled, [(x, *states[1:count]) for x in states])


def _check(points: dict[str, Any], start: Array, own_hvp: bool) -> None:
    """Hold the derivatives against differences, each call with an array of its own.

    Raises:
        SdesimError: if one is wrong.
    """
    from sdesim.surfaces.derivative_check import check_gradient, check_product

    check_gradient(lambda t: float(points["loss"](t.copy())), lambda t: points["grad"](t.copy()), start)
    if own_hvp:
        check_product(
            lambda t: points["grad"](t.copy()), lambda t, v: points["hvp"](t.copy(), v.copy()), start
        )


def _compiled_one(
    function: Callable[..., Any], role: str, arguments: tuple[Array, ...], shape: tuple[int, ...]
) -> Any:
    from numba.core.errors import NumbaError
    from numba.extending import is_jitted

    from sdesim.compiled.first_call import PLACES, first_calls
    from sdesim.compiled.jit import compiled_in_memory, guard

    if not callable(function):
        raise SdesimError(f"{role} must be a function, got {short(function)}")
    name = f"{role} ({getattr(function, '__name__', type(function).__name__)})"
    try:
        jitted = function if is_jitted(function) else compiled_in_memory(function)
        # What the user compiled with Numba's own cache may be older than a helper file of it.
        guard([jitted])
        places = [(x, *arguments[1:]) for x in states_beside(arguments[0])[:PLACES]]
        result = first_calls(jitted, name, places)
    except (NumbaError, TypeError) as error:
        raise SdesimError(f"Numba can't compile {name}: {telling_line(error)}") from None
    found = np.shape(result)
    wanted = f"shape {shape}" if shape else "a number"
    if found != shape or not np.issubdtype(np.asarray(result).dtype, np.number) or np.iscomplexobj(result):
        raise SdesimError(f"{name} must return {wanted}, got {np.asarray(result).dtype} of shape {found}")
    return jitted


def telling_line(error: Exception) -> str:
    """The first line of a Numba message that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Failed in")]
    return telling[0] if telling else type(error).__name__
