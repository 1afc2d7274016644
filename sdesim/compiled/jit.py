"""The one way to compile a kernel: cached on disk under a stamp made of all the sources that it reaches.

Numba's own stamp is the time of the one file that a function stands in, so it would miss an edit in a
helper of another file and run old code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

from numba import njit, types
from numba.core.caching import IndexDataCacheFile

from sdesim.compiled.linking import linked_late
from sdesim.compiled.shapes import shapes_as_numbers
from sdesim.compiled.sources import GENERATED, dispatchers_of, is_own, sources_of

# Fused multiply-add only: sums keep their order, so that bits do not depend on how a loop is split, and the
# rounding tricks of `elementary` stay.
OPTIONS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
shapes_as_numbers()
_PACKAGES = ("compiled", "stable", "schedules", "surfaces", "noise", "sdes", "engine")


@cache
def source_stamp() -> str:
    """Digest of every file of sdesim that may hold compiled code."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def stamp_of(sources: dict[str, str]) -> str:
    """The stamp of code that is made of sdesim's files and of these `sources_of` it."""
    if not sources:
        return source_stamp()
    return hashlib.sha256((source_stamp() + repr(sorted(sources.items()))).encode()).hexdigest()


def compiled(function: Callable[..., Any], kept: bool = True) -> Any:
    """Compile on first use; later processes load the machine code from disk.

    Compiled callers take the function into their own code: a call with a few arrays costs as much as a step
    of a small surface, and LLVM vectorises across no call (three times slower). Global values count as
    constants, as they are when it compiles. A function of a session, which stands in no file, is compiled for
    its process only, and so is one that is not ``kept``: where it calls functions that are given at run time.
    """
    return compiled_with(function, kept=kept, forceinline=True)


def compiled_apart(function: Callable[..., Any]) -> Any:
    """As `compiled`, but callers call it: for large functions, whose calls cost nothing beside their work."""
    return compiled_with(function, forceinline=False)


def compiled_between(function: Callable[..., Any], kept: bool = True) -> Any:
    """As `compiled_apart`, for functions that compiled code alone calls: Python has no way to.

    They are linked late (`sdesim.compiled.linking`).
    """
    options: dict[str, Any] = {"forceinline": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return linked_late(compiled_with(function, kept=kept, **options))


def compiled_inside(function: Callable[..., Any], kept: bool = True) -> Any:
    """As `compiled`, for functions of one caller: only what calls them is compiled, they being part of it.

    To the same machine code; compiled before that as well, they take a third of the time or more.
    """
    return compiled_with(function, kept=kept, inline="always")


def compiled_entry(function: Callable[..., Any], kept: bool = True) -> Any:
    """As `compiled`, for functions that Python alone calls."""
    return compiled_with(function, kept=kept, forceinline=True, no_cfunc_wrapper=True)


class _Index(IndexDataCacheFile):
    """Numba's index of one function, under a stamp that is worked out when it is first asked for.

    By then the module of the function is whole, with all the names that the function reads.
    """

    def __init__(self, store: Any, function: Any, name: str) -> None:
        self._function = function
        self._stamp = ""
        # Where the disk takes no machine code, a later process compiles it again.
        store._guard_against_spurious_io_errors = partial(suppress, OSError)
        super().__init__(cache_path=store._cache_path, filename_base=name, source_stamp="")  # type: ignore[no-untyped-call]

    @property
    def _source_stamp(self) -> str:
        if not self._stamp:
            module = self._function.__module__
            sources = {} if stamped(module) else sources_of({"": self._function}, [module])
            self._stamp = stamp_of(sources)
        return self._stamp

    @_source_stamp.setter
    def _source_stamp(self, stamp: str) -> None:
        """Numba's own, of the one file: not used."""

    def load(self, key: Any) -> Any:
        """Machine code that was kept, None where there is none that can be read."""
        try:
            return super().load(key)  # type: ignore[no-untyped-call]
        except Exception:
            # A file that a machine left empty when it went down is made anew.
            return None

    def _load_index(self) -> Any:
        try:
            return super()._load_index()  # type: ignore[no-untyped-call]
        except Exception:
            return {}


def stamped(module: str | None) -> bool:
    """Whether `source_stamp`, or the name of the module itself, already tells all of its sources."""
    return is_own(module) or (module or "").startswith(GENERATED)


def compiled_with(function: Callable[..., Any], suffix: str = "", kept: bool = True, **options: Any) -> Any:
    """Compile with further options of Numba's; a suffix keeps two versions of one function apart on disk."""
    try:
        dispatcher: Any = njit(cache=kept, **({"no_cfunc_wrapper": True} | options), **OPTIONS)(function)
    except RuntimeError:
        # Numba finds no place for the code of a function without a file.
        return njit(**options, **OPTIONS)(function)
    if kept:
        store = dispatcher._cache
        store._cache_file = _Index(store, dispatcher, store._impl.filename_base + suffix)
    resolve: Any = dispatcher.get_call_template
    plain: Any = types.unliteral
    # Numba would compile a function anew for each constant that a caller passes, such as a stream's number;
    # taken into the caller, it comes to the same machine code.
    dispatcher.get_call_template = lambda args, kws: resolve(
        tuple(map(plain, args)), {name: plain(kind) for name, kind in kws.items()}
    )
    return dispatcher


def guard(functions: Iterable[Any]) -> None:
    """Put functions that users compiled with Numba's own cache, and all that they call, under our stamp.

    Their machine code is then kept beside Numba's, under names of its own.
    """
    for dispatcher in dispatchers_of(functions):
        store: Any = getattr(dispatcher, "_cache", None)
        index = getattr(store, "_cache_file", None)
        if index is not None and not isinstance(index, _Index):
            store._cache_file = _Index(store, dispatcher, f"{store._impl.filename_base}.sdesim")


def compiled_in_memory(function: Callable[..., Any]) -> Any:
    """Compile on first use, for this process only: for code that calls functions given at run time."""
    return njit(**OPTIONS)(function)
