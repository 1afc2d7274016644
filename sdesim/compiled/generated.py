"""Small modules that are written at run time, so that Numba can keep their machine code on disk.

Numba's disk cache knows functions of importable files only; a function that is handed over as an argument or
closed over is compiled again in every process. A combination (a surface with noises and a scheme, a surface
made of another) is therefore written as a module of its own into the user's cache directory, named after the
digest of its text and of all kernel sources: sdesim's, and those of the modules that it imports from.
"""

from __future__ import annotations

import ast
import atexit
import hashlib
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sdesim.compiled.sources import GENERATED, sources_of
from sdesim.errors import RunError
from sdesim.io.files import atomic_write_text


def cache_folder() -> Path:
    """Where the modules are kept; a temporary folder where the user's cache can't be written."""
    folder = _kept_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return _temporary_folder()
    return folder


def check_cache() -> None:
    """Refuse to begin what needs compiled code where there is no place for it.

    Raises:
        RunError: neither the user's cache nor a temporary folder can be written.
    """
    if not os.access(cache_folder(), os.W_OK):
        _temporary_folder()


def _kept_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("sdesim")) / "kernels"


@cache
def _temporary_folder() -> Path:
    try:
        folder = Path(tempfile.mkdtemp(prefix="sdesim-kernels-"))
    except OSError as error:
        raise RunError(
            f"no folder for compiled code: neither the user's cache ({_kept_folder()}) nor a temporary "
            f"folder can be written ({error.strerror or error}); set XDG_CACHE_HOME or TMPDIR to one that can"
        ) from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def generated_module(text: str, names: Mapping[str, Any] | None = None) -> ModuleType:
    """Import the module with this text, writing it first where it is new.

    Args:
        text: Python source; the same text gives the same module.
        names: objects to put into the module before its text runs. Such a module is private to the call, and
            since Numba can't tell one object of a name from another on disk, its text must compile for this
            process only (`decorators`).

    Raises:
        RunError: if it can't be written anywhere.
    """
    stamp = _stamp(text)
    return _load(text, names, stamp) if names else _shared(text, stamp)


def decorators(
    names: Iterable[tuple[str, str]], in_memory: bool = False, home: str = "sdesim.compiled.jit"
) -> str:
    """The text that imports ways of compiling, each under a name; ``in_memory``: for the process only."""
    text = "from functools import partial\n\n" if in_memory else ""
    for decorator, name in names:
        text += f"from {home} import {decorator} as {name}\n"
        text += f"{name} = partial({name}, kept=False)\n" if in_memory else ""
    return text


def _stamp(text: str) -> str:
    """The stamp of a text: that of sdesim, and the sources of what is imported from elsewhere."""
    from sdesim.compiled.jit import guard, stamp_of, stamped

    foreign = [part for part in _imported(text) if not stamped(part[0])]
    functions = {alias: getattr(importlib.import_module(module), name) for module, name, alias in foreign}
    guard(functions.values())
    return stamp_of(sources_of(functions, {module for module, _, _ in foreign}))


@lru_cache(maxsize=256)
def _imported(text: str) -> tuple[tuple[str, str, str], ...]:
    """(module, name, alias) of everything that a text imports by ``from … import …``."""
    found = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    return tuple((str(n.module), a.name, a.asname or a.name) for n in found for a in n.names)


@cache
def _shared(text: str, stamp: str) -> ModuleType:
    return _load(text, {}, stamp)


def _load(text: str, names: Mapping[str, Any], stamp: str) -> ModuleType:
    digest = hashlib.sha256((text + stamp).encode()).hexdigest()[:24]
    name = f"{GENERATED}{digest}"
    path = cache_folder() / f"{name}.py"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        try:
            atomic_write_text(path, text)
        except RunError:
            path = _temporary_folder() / f"{name}.py"
            atomic_write_text(path, text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__dict__.update(names)
    if not names:
        sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
