"""The one way to compile a kernel: cached on disk under a stamp made of all kernel sources.

Numba's own stamp is the time of the one file that a function stands in, so it would miss an edit in a
helper of another file and run old code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import IndexDataCacheFile

# Fused multiply-add only: sums keep their order, so that bits do not depend on how a loop is split.
OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
_PACKAGES = ("compiled", "surfaces", "noise", "engine")


@cache
def source_stamp() -> str:
    """Digest of every file that may hold compiled code."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile on first use; later processes load the machine code from disk.

    Compiled callers take the function into their own code: a call with a few arrays costs as much as a step
    of a small surface, and LLVM vectorises across no call.
    """
    return _cached(function, forceinline=True)


def compiled_apart(function: Callable[..., Any]) -> Any:
    """As `compiled`, but callers call it: for large functions, whose calls cost nothing beside their work."""
    return _cached(function, forceinline=False)


def _cached(function: Callable[..., Any], forceinline: bool) -> Any:
    dispatcher: Any = njit(cache=True, forceinline=forceinline, **OPTIONS)(function)
    store = dispatcher._cache
    store._cache_file = IndexDataCacheFile(
        cache_path=store._cache_path,
        filename_base=store._impl.filename_base,
        source_stamp=source_stamp(),
    )  # type: ignore[no-untyped-call]
    return dispatcher


def compiled_in_memory(function: Callable[..., Any]) -> Any:
    """Compile on first use, for this process only: for code that calls functions given at run time."""
    return njit(**OPTIONS)(function)
