"""Functions that return tuples, lifted to blocks (d, W): small results that no memory is asked for.

An array is made anew for every state, which costs twenty times what a small formula does. A tuple costs
nothing, and where the function takes its state for a tuple as well, whole rows of a block go through it at
once. It is compiled without fused multiply-adds then: which of two products in a sum is fused may depend on
the place of a state in its block, and so could its bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.generated import generated_module

# States at which functions are tried.
_TRIALS = 8
# Longer ones take long to compile.
_LONGEST = 16
_TEXT = """\
import numpy as np

from sdesim.compiled.tuples import exactly


@exactly
def lifted({blocks}, params, data0, data1, out):
{room}    for w in range(x.shape[1]):
{fill}        f = function({call})
{lines}
"""


def exactly(function: Callable[..., Any]) -> Any:
    """Compile on first use, for this process only, without fused multiply-adds."""
    from numba import njit

    return njit(error_model="numpy", nogil=True)(function)


def plain_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function before it was compiled; itself where it was not."""
    plain: Callable[..., Any] = getattr(function, "py_func", function)
    return plain


def states_beside(point: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """A point (d,) and states beside it."""
    rng = np.random.default_rng(0)
    scale = 0.5 * (1.0 + np.abs(point))
    return [point, *(point + scale * rng.standard_normal(point.shape) for _ in range(_TRIALS))]


def takes_tuples(function: Callable[..., Any], of_arrays: Any, calls: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a function compiles for tuples in the place of its arrays, and gives the same in all calls.

    Args:
        function: not compiled; of_arrays: compiled.
        calls: its arguments, numbers and arrays.
    """
    from numba.core.errors import NumbaError

    if any(np.size(a) > _LONGEST for a in calls[0]):
        return False
    of_tuples = exactly(function)
    for arguments in calls:
        try:
            found = of_tuples(*(tuple(map(float, a)) if np.ndim(a) else a for a in arguments))
        except (NumbaError, TypeError):
            return False
        there = of_arrays(*(np.array(a) if np.ndim(a) else a for a in arguments))
        # Not to the bit: the other one may fuse. Where they differ by more, the slower way is right.
        if np.shape(found) != np.shape(there):
            return False
        if not np.allclose(found, there, rtol=1e-9, atol=0.0, equal_nan=True):
            return False
    return True


def lifted(
    function: Callable[..., Any], sizes: dict[str, int], lines: Sequence[str], *, by_tuple: bool,
    given: Sequence[str] = (), before: str = "",
) -> Any:  # fmt: skip
    """The function on blocks: ``lifted(x, …, params, data0, data1, out)``.

    Args:
        function: not compiled.
        sizes: rows of each block, by its name, the first of them x; in the order of the function's arguments.
        lines: what is done with its result f in column w.
        by_tuple: whether it takes tuples for the columns of the blocks; else arrays.
        given: further blocks, which the lines alone read.
        before: arguments that come first, such as "params[0], ".
    """
    room = fill = ""
    arguments = []
    for name, size in sizes.items():
        column = ", ".join(f"{name}[{k}, w]" for k in range(size))
        if by_tuple:
            arguments.append(f"({column},)")
            continue
        room += f"    point_{name} = np.empty({size})\n"
        fill += f"        for k in range({size}):\n            point_{name}[k] = {name}[k, w]\n"
        arguments.append(f"point_{name}")
    text = _TEXT.format(
        blocks=", ".join((*sizes, *given)),
        room=room,
        fill=fill,
        call=before + ", ".join(arguments),
        lines="\n".join(f"        {line}" for line in lines),
    )
    return generated_module(text, {"function": exactly(function)}).lifted
