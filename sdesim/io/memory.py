"""Large arrays that come and go, in pages of their own."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# The number of glibc's option, the size from which arrays get pages inside, and the largest that glibc sets
# itself once arrays of that size have been given up: what it is afterwards.
_OPTION, _INSIDE, _OUTSIDE = -3, 4 * 2**20, 32 * 2**20


_depth: list[int] = []


@contextmanager
def paged() -> Iterator[None]:
    """Arrays above 4 MB go back to the system as soon as they are given up (with glibc; else as ever).

    Otherwise they leave holes among small objects, into which arrays of their size don't fit any more.
    """
    option = _option()
    _depth.append(_INSIDE)
    option(_INSIDE)
    try:
        yield
    finally:
        _depth.pop()
        option(_INSIDE if _depth else _OUTSIDE)


@functools.cache
def _option() -> Callable[[int], object]:
    try:
        function = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return lambda size: None
    function.argtypes, function.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    return lambda size: function(_OPTION, size)
