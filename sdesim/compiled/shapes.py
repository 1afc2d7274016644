"""What compiled code says of an array that does not fit, without the text of Numba's message.

Numba puts the shapes into words in compiled code: thirty functions of text, which are linked into every
function that assigns to a slice, ``out[:] = x - x * x``, and optimised with it: four fifths of the time that
such a function takes to compile. Here the error carries the shapes as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core.typing.templates import builtin_registry
from numba.np import arrayobj


def shapes_as_numbers() -> None:
    """Let code compiled from now on raise ``ValueError(words, shape of the slice, shape of the array)``.

    A Numba that keeps its message elsewhere is left as it is.
    """
    stub = getattr(arrayobj, "raise_with_shape_context", None)
    for value, kind in builtin_registry.globals:
        if value is stub is not None:
            for template in kind.templates:
                if template.metadata.get("target") == "CPU":
                    template._overload_func = staticmethod(_raising)


def _raising(source: Any, target: Any) -> Callable[..., None] | None:
    """The body for two tuples of whole numbers, as Numba asks for it."""
    if not all(isinstance(kind, types.UniTuple) for kind in (source, target)):
        return None

    def raising(source: Any, target: Any) -> None:
        raise ValueError("a slice of the first shape can't take an array of the second:", target, source)

    return raising
