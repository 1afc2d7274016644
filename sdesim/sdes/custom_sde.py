"""Equations made of a user's own functions, compiled with the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.compiled.tuples import plain_of, states_beside, takes_tuples
from sdesim.errors import SdesimError, first_line
from sdesim.kinds.numbers import Array, as_finite, whole
from sdesim.kinds.spelling import short
from sdesim.sdes.base import Base, Convention
from sdesim.surfaces.base import SurfaceKernel
from sdesim.surfaces.custom_surface import telling_line

# How far B may differ from itself at the start where it counts as constant.
_SAME = 1e-12


@dataclass(frozen=True, init=False, eq=False)
class SDE(Base):
    """dx = f(t, x) dt + B(t, x) dW of functions that Numba compiles, each called with t and one state (d,).

    Tuples are the fast form: `return a, b` for (d,), `return (a, b), (c, d)` for (d, k). An array is made
    anew for every state, which costs twenty to forty times what a small formula does; functions that read
    x[0], x[1], … and return numbers or tuples cost 1.2 to 1.5 times what a shipped equation costs.

    Nothing is the gradient of anything here, and no sign is turned. There is no loss, so that C, S, C*, drift
    and all else that is made of one are absent from its runs. `simulate(sde, noise=[…])` adds further noises.
    Compiled for this process only: another one compiles it again.

    Args:
        drift: f: (t, x) → (d,), an array or a tuple; a number where d = 1.
        diffusion: B: (t, x) → a number or (d,), which drive each coordinate by a Wiener process of its own,
            or (d, k) of k Wiener processes, a tuple of rows too. It is the factor of dW: √(2D) for a
            diffusion D. None: no noise.
        dim: d.
        convention: "ito" or "stratonovich", which matters where B depends on the state.
        start: default starting point (d,); the origin without it.
        names: of the coordinates.

    Raises:
        SdesimError: a function can't be compiled or fails at the start, a result has the wrong shape, a
            value does not fit, or a function is refused by `sdesim.compiled.first_call`.
    """

    dim: int
    start: Array
    names: tuple[str, ...]
    convention: Convention
    factors: int
    additive: bool
    _functions: dict[str, Any]

    def __init__(
        self,
        drift: Callable[..., Any],
        diffusion: Callable[..., Any] | None = None,
        *,
        dim: int,
        convention: str = "ito",
        start: ArrayLike | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        d = whole(dim, "dim")
        if convention not in ("ito", "stratonovich"):
            raise SdesimError(f"convention: found {short(convention)}, allowed: 'ito' or 'stratonovich'")
        point = np.zeros(d) if start is None else np.atleast_1d(as_finite(start, "start")).astype(float)
        if point.shape != (d,):
            raise SdesimError(f"start: found shape {point.shape}, allowed: ({d},)")
        called = tuple(f"x{k}" for k in range(d)) if names is None else tuple(map(str, names))
        if len(called) != d or len(set(called)) != d:
            raise SdesimError(f"names: found {', '.join(called)}, allowed: {d} different names")
        functions, factors, additive = _compile(drift, diffusion, point)
        point.flags.writeable = False
        values = {
            "dim": d, "start": point, "names": called, "convention": convention, "factors": factors,
            "additive": additive, "_functions": functions,
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def kernel(self) -> SurfaceKernel:
        """The compiled side, held in memory."""
        return SurfaceKernel(
            "",
            "grad",
            None,
            np.zeros(1),
            hvp="hvp",
            factor="factor" if self.factors else None,
            factors=self.factors,
            timed=True,
            functions=self._functions,
        )


def _compile(
    drift: Callable[..., Any], diffusion: Callable[..., Any] | None, point: Array
) -> tuple[dict[str, Any], int, bool]:
    """The functions on blocks, the number of Wiener processes, and whether B is constant.

    Raises:
        SdesimError: if one can't be compiled or gives the wrong shape.
    """
    from sdesim.sdes.kernels import custom
    from sdesim.surfaces.custom_kernels import difference_of_blocks

    d = len(point)
    shapes: tuple[tuple[int | None, ...], ...] = ((d,), ()) if d == 1 else ((d,),)
    f, shape = _compiled_one(drift, "drift", point, shapes)
    grad = custom.block_grad(plain_of(drift), f, shape, d, _by_tuple(drift, f, point))
    functions = {"grad": grad, "hvp": difference_of_blocks(grad)}
    if diffusion is None:
        return functions, 0, True
    b, shape = _compiled_one(diffusion, "diffusion", point, ((), (d,), (d, None)))
    functions["factor"] = custom.block_factor(
        plain_of(diffusion), b, shape, d, _by_tuple(diffusion, b, point)
    )
    return functions, shape[1] if len(shape) == 2 else d, _constant(b, point)


def _by_tuple(function: Callable[..., Any], compiled: Any, point: Array) -> bool | None:
    """Whether the function takes its state for a tuple; None where it returns arrays, which none would."""
    result = compiled(0.0, point.copy())
    if np.ndim(result) and not isinstance(result, tuple):
        return None
    states = states_beside(point)
    return takes_tuples(plain_of(function), compiled, [(t, x) for t in (0.0, 1.0) for x in states])


def _constant(function: Any, point: Array) -> bool:
    """Whether a function of t and x gives the same at several states beside the start, at two times each."""
    for t in (0.0, 1.0):
        there = np.asarray(function(t, point.copy()))
        for beside in states_beside(point)[1:]:
            if not np.allclose(function(t, beside), there, rtol=_SAME, atol=0.0):
                return False
    return True


def _compiled_one(
    function: Callable[..., Any], role: str, point: Array, shapes: tuple[tuple[int | None, ...], ...]
) -> tuple[Any, tuple[int, ...]]:
    """The compiled function and the shape of what it gives.

    Raises:
        SdesimError: in one line, naming the role.
    """
    from numba.core.errors import NumbaError
    from numba.extending import is_jitted

    from sdesim.compiled.first_call import PLACES, first_calls
    from sdesim.compiled.jit import compiled_in_memory, guard

    if not callable(function):
        raise SdesimError(f"{role} must be a function of t and x, got {short(function)}")
    name = f"{role} ({getattr(function, '__name__', type(function).__name__)})"
    try:
        # Python says more of what is wrong than compiled code.
        plain_of(function)(0.0, point.copy())
    except Exception as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise SdesimError(f"{name} fails at t = 0 and the start: {said}") from None
    try:
        jitted = function if is_jitted(function) else compiled_in_memory(function)
        guard([jitted])
        places = [(t, x) for x in states_beside(point)[:PLACES] for t in (0.0, 1.0)]
        result = first_calls(jitted, name, places)
    except (NumbaError, TypeError) as error:
        raise SdesimError(f"Numba can't compile {name}: {telling_line(error)}") from None
    wanted = " or ".join(_in_words(s) for s in shapes)
    try:
        found = np.shape(result)
    except ValueError:
        raise SdesimError(f"{name} must return {wanted}, got rows of different lengths") from None
    fits = any(
        len(found) == len(s) and all(b is None or a == b for a, b in zip(found, s, strict=True))
        for s in shapes
    )
    kind = np.asarray(result).dtype
    if not fits or 0 in found or kind.kind not in "iuf":
        raise SdesimError(f"{name} must return {wanted}, got {kind} of shape {found}")
    if not np.isfinite(result).all():
        raise SdesimError(f"{name} must be finite at t = 0 and the start, got {np.ravel(result)[0]:g}")
    return jitted, found


def _in_words(shape: tuple[int | None, ...]) -> str:
    if not shape:
        return "a number"
    sizes = ", ".join("k" if n is None else str(n) for n in shape)
    return f"shape ({sizes}{',' if len(shape) == 1 else ''})"
