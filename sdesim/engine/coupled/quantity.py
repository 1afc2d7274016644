"""A function of the state that a user gives, compiled, and which of its moments exist."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError, first_line
from sdesim.kinds.spelling import short

Array = NDArray[np.float64]
# Distances from the start between which growth is read, at most how many directions of a sort, and how near
# to the true power one is that is read.
_NEAR, _FAR, _DIRECTIONS, _READING = 1e6, 1e7, 16, 0.02


@dataclass(frozen=True, eq=False)
class Quantity:
    """f: x (d,) → a number, compiled.

    Attributes:
        label: what a table or figure calls it.
        function: the compiled f.
        block: f of each column of x (d, W) into out (W,).
    """

    label: str
    function: Any
    block: Callable[[Array, Array], None]

    def __call__(self, states: Array) -> Array:
        """f of states (d, n): (n,)."""
        out = np.empty(states.shape[1])
        self.block(states, out)
        return out

    def growth(self, start: Array) -> float:
        """p such that the largest |f| along coordinates and fixed directions grows like |x|^p far out.

        ∞ where f overflows; 0 where it is bounded.
        """
        d = start.size
        rng = np.random.default_rng(0)
        axes = np.eye(d)[: min(d, _DIRECTIONS)] if d <= 4096 else np.zeros((0, d))
        drawn = rng.standard_normal((_DIRECTIONS, d))
        ways = np.concatenate([axes, -axes, drawn / np.linalg.norm(drawn, axis=1)[:, None]])
        # At several nearby distances, so that no zero of an oscillation is taken for the size.
        spread = np.linspace(1.0, 1.5, 8)
        with np.errstate(all="ignore"):
            near, far = (
                np.max([np.abs(self(_columns(start + r * s * ways))) for s in spread]) for r in (_NEAR, _FAR)
            )
        if not (np.isfinite(near) and np.isfinite(far)):
            return np.inf
        return max(0.0, float(np.log(far / near) / np.log(_FAR / _NEAR))) if near > 0.0 < far else 0.0

    def check_moments(self, start: Array, tail_index: float | None) -> None:
        """Refuse a quantity whose mean or variance jumps of infinite variance leave without a value.

        One increment of the noise has the tail of index α, so that no moment of |x| of order α or more exists
        after a step.

        Raises:
            SdesimError: in one line, with both powers.
        """
        if tail_index is None:
            return
        power = self.growth(start)
        alpha = f"under noise of tail index {tail_index:g}"
        if power > tail_index - _READING:
            raise SdesimError(f"quantity: found growth |x|^{power:.3g}, which has no mean {alpha}")
        if 2.0 * power > tail_index - _READING:
            rule = f"has a mean but no variance {alpha}, so that no interval holds it: allowed: below |x|^"
            raise SdesimError(f"quantity: found growth |x|^{power:.3g}, which {rule}{0.5 * tail_index:.3g}")


def _columns(points: Array) -> Array:
    return np.array(points.T, order="C")


def compiled_quantity(function: Any, start: Array) -> Quantity:
    """Compile f for states of the size of the start (d,).

    Raises:
        SdesimError: it fails at the start, `first_calls` refuses it, Numba can't compile it, or it gives no
            finite number.
    """
    from numba.core.errors import NumbaError
    from numba.extending import is_jitted

    from sdesim.compiled.first_call import PLACES, first_calls
    from sdesim.compiled.jit import compiled_in_memory
    from sdesim.compiled.tuples import states_beside
    from sdesim.surfaces.custom_surface import telling_line

    if not callable(function):
        raise SdesimError(f"quantity must be a function of the state (d,), got {short(function)}")
    name = f"quantity ({getattr(function, '__name__', type(function).__name__)})"
    try:
        # Python says more of what is wrong than compiled code.
        plain = np.asarray(getattr(function, "py_func", function)(start.copy()))
    except Exception as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise SdesimError(f"{name} fails at the start: {said}") from None
    if plain.size != 1 or plain.dtype.kind not in "biuf":
        raise SdesimError(
            f"{name} must return a number for one state (d,), got {plain.dtype} of shape {plain.shape}"
        )
    try:
        jitted = function if is_jitted(function) else compiled_in_memory(function)
        found = first_calls(jitted, name, [(x,) for x in states_beside(start)[:PLACES]])
        block = _block(jitted, np.ndim(found))
        out = np.empty(1)
        block(start[:, None].copy(), out)
    except (NumbaError, TypeError) as error:
        raise SdesimError(f"Numba can't compile {name}: {telling_line(error)}") from None
    if not np.isfinite(out[0]):
        raise SdesimError(f"{name} must be finite at the start, got {out[0]:g}")
    label = getattr(function, "__name__", "f")
    return Quantity("quantity" if label == "<lambda>" else label, jitted, block)


def _block(function: Any, axes: int) -> Any:
    from sdesim.compiled.jit import compiled_in_memory

    if axes:

        @compiled_in_memory
        def number(value):  # type: ignore[no-untyped-def]
            return value.flat[0]
    else:

        @compiled_in_memory
        def number(value):  # type: ignore[no-untyped-def]
            return value

    @compiled_in_memory
    def block(x, out):  # type: ignore[no-untyped-def]
        point = np.empty(x.shape[0])
        for w in range(x.shape[1]):
            for k in range(x.shape[0]):
                point[k] = x[k, w]
            out[w] = number(function(point))

    return block
