"""How much memory there is, and large arrays that come and go, in pages of their own."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

# The number of glibc's option, the size from which arrays get pages inside, and the largest that glibc sets
# itself once arrays of that size have been given up: what it is afterwards.
_OPTION, _INSIDE, _OUTSIDE = -3, 2**20, 32 * 2**20


_depth: list[int] = []
_FORCED: ContextVar[bool] = ContextVar("forced", default=False)
_SPREAD: ContextVar[int | None] = ContextVar("spread", default=None)
_MEMINFO, _LIMIT = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")


@contextmanager
def forced(force: bool = True) -> Iterator[None]:
    """Take sizes as they are: within, nothing is refused because it would not fit.

    Args:
        force: whether at all.
    """
    token = _FORCED.set(force or _FORCED.get())
    try:
        yield
    finally:
        _FORCED.reset(token)


def is_forced() -> bool:
    """Whether sizes are taken as they are."""
    return _FORCED.get()


@contextmanager
def spread(cluster: Any) -> Iterator[None]:
    """Within, ensembles are walked in blocks by workers, so that no process holds one as a whole.

    Args:
        cluster: as of `simulate`; None: by this process, whatever holds around.
    """
    here = cluster if isinstance(cluster, int) else 0
    token = _SPREAD.set(None if cluster is None else here)
    try:
        yield
    finally:
        _SPREAD.reset(token)


def workers_here() -> int | None:
    """How many processes of this machine share an ensemble, 0 where all are a scheduler's; None outside
    `spread`."""
    return _SPREAD.get()


def available_memory() -> float:
    """Bytes that new arrays can take: what Linux says is available, elsewhere all there is, within the limit
    of the control group; infinite where nothing is known, and inside `forced`."""
    if _FORCED.get():
        return float("inf")
    found = [_free(), *_numbers(_LIMIT, "")]
    return min((size for size in found if size > 0), default=float("inf"))


def _free() -> float:
    for kilobytes in _numbers(_MEMINFO, "MemAvailable:"):
        return 1024 * kilobytes
    with suppress(AttributeError, OSError, ValueError):
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return float("inf")


def _numbers(path: Path, name: str) -> list[float]:
    """The whole number behind a name at the beginning of a line of a file, if there is any."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []
    words = [line.removeprefix(name).split() for line in lines if line.startswith(name)]
    return [float(first) for first, *_ in filter(None, words) if first.isdecimal()][:1]


@contextmanager
def paged() -> Iterator[None]:
    """Arrays above 1 MB go back to the system as soon as they are given up (with glibc; else as ever).

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
