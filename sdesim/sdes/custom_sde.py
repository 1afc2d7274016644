"""Equations made of a user's own functions, compiled with the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError, first_line
from sdesim.kinds.numbers import Array, as_finite, whole
from sdesim.sdes.base import Base, Convention
from sdesim.surfaces.base import SurfaceKernel
from sdesim.surfaces.custom_surface import telling_line

# Points and times at which B is compared with itself at the start.
_TRIALS, _SAME = 8, 1e-12


@dataclass(frozen=True, init=False, eq=False)
class SDE(Base):
    """dx = f(t, x) dt + B(t, x) dW of functions that Numba compiles, each called with t and one state (d,).

    Nothing is the gradient of anything here, and no sign is turned. There is no loss, so that C, S, C*, drift
    and all else that is made of one are absent from its runs. `simulate(sde, noise=[…])` adds further noises.
    Compiled for this process only: another one compiles it again.

    Args:
        drift: f: (t, x) → (d,); a number where d = 1.
        diffusion: B: (t, x) → a number or (d,), which drive each coordinate by a Wiener process of its own,
            or (d, k) of k Wiener processes. It is the factor of dW: √(2D) for a diffusion D. None: no noise.
        dim: d.
        convention: "ito" or "stratonovich", which matters where B depends on the state.
        start: default starting point (d,); the origin without it.
        names: of the coordinates.

    Raises:
        SdesimError: a function can't be compiled or fails at the start, a result has the wrong shape, or a
            value does not fit.
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
            raise SdesimError(f"convention: found {convention!r}, allowed: 'ito' or 'stratonovich'")
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

    d = len(point)
    shapes: tuple[tuple[int | None, ...], ...] = ((d,), ()) if d == 1 else ((d,),)
    f, shape = _compiled_one(drift, "drift", point, shapes)
    grad = custom.block_grad(f, shape == ())
    functions = {"grad": grad, "hvp": custom.block_hvp(grad)}
    if diffusion is None:
        return functions, 0, True
    b, shape = _compiled_one(diffusion, "diffusion", point, ((), (d,), (d, None)))
    functions["factor"] = custom.block_factor(b, len(shape))
    return functions, shape[1] if len(shape) == 2 else d, _constant(b, point)


def _constant(function: Any, point: Array) -> bool:
    """Whether a function of t and x gives the same at several states beside the start, at two times each."""
    rng = np.random.default_rng(0)
    for t in (0.0, 1.0):
        there = np.asarray(function(t, point.copy()))
        for _ in range(_TRIALS):
            beside = point + 0.5 * (1.0 + np.abs(point)) * rng.standard_normal(point.shape)
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

    from sdesim.compiled.jit import compiled_in_memory, guard

    if not callable(function):
        raise SdesimError(f"{role} must be a function of t and x, got {function!r}")
    name = f"{role} ({getattr(function, '__name__', type(function).__name__)})"
    plain = getattr(function, "py_func", function)
    try:
        # Compiled code checks no index: a coordinate that is not there would be read from elsewhere.
        plain(0.0, point.copy())
    except Exception as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise SdesimError(f"{name} fails at t = 0 and the start: {said}") from None
    try:
        jitted = function if is_jitted(function) else compiled_in_memory(function)
        guard([jitted])
        result = jitted(0.0, point.copy())
    except (NumbaError, TypeError) as error:
        raise SdesimError(f"Numba can't compile {name}: {telling_line(error)}") from None
    found = np.shape(result)
    fits = any(
        len(found) == len(s) and all(b is None or a == b for a, b in zip(found, s, strict=True))
        for s in shapes
    )
    kind = np.asarray(result).dtype
    if not fits or 0 in found or kind.kind not in "iuf":
        wanted = " or ".join(_in_words(s) for s in shapes)
        raise SdesimError(f"{name} must return {wanted}, got {kind} of shape {found}")
    if not np.isfinite(result).all():
        raise SdesimError(f"{name} must be finite at t = 0 and the start, got {np.ravel(result)[0]:g}")
    return jitted, found


def _in_words(shape: tuple[int | None, ...]) -> str:
    if not shape:
        return "a number"
    sizes = ", ".join("k" if n is None else str(n) for n in shape)
    return f"shape ({sizes}{',' if len(shape) == 1 else ''})"
