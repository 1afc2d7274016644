"""Whose code may run, and beside which file modules and data are sought.

A scenario file never makes code run by itself: `kind: "mymodule:MyNet"` is taken only where the person who
runs it names the module (`--trust mymodule`).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from sdesim.errors import SdesimError

trusted_modules: ContextVar[frozenset[str]] = ContextVar("trusted_modules", default=frozenset())
base_folder: ContextVar[Path | None] = ContextVar("base_folder", default=None)


@contextmanager
def trusting(modules: Iterable[str] = (), folder: str | Path | None = None) -> Iterator[None]:
    """Within it the code of these modules may run, and relative paths are sought in this folder.

    Args:
        modules: names of modules, beyond those trusted already.
        folder: of the scenario file; None leaves it as it is.

    Raises:
        SdesimError: a name is not one of a module.
    """
    names = frozenset(modules)
    wrong = [name for name in sorted(names) if not all(p.isidentifier() for p in name.split("."))]
    if wrong:
        raise SdesimError(f"--trust {wrong[0]!r}: found no module's name, allowed: such as mynet")
    trust = trusted_modules.set(trusted_modules.get() | names)
    beside = base_folder.set(Path(folder).resolve() if folder is not None else base_folder.get())
    try:
        yield
    finally:
        trusted_modules.reset(trust)
        base_folder.reset(beside)


def located(path: str | Path) -> Path:
    """Where a file is that a scenario names: beside the scenario file, unless the path is absolute."""
    given = Path(path).expanduser()
    folder = base_folder.get()
    return given if given.is_absolute() or folder is None else folder / given


def trusted_module(name: str) -> ModuleType:
    """Import a trusted module, from beside the scenario file where one stands there.

    Raises:
        SdesimError: it was not trusted, can't be imported, or another file's module has its name.
    """
    if name not in trusted_modules.get():
        raise SdesimError(f"which runs the code of {name}: allow it with --trust {name}")
    folder = base_folder.get()
    top = name.split(".")[0]
    beside = folder is not None and ((folder / f"{top}.py").is_file() or (folder / top).is_dir())
    if beside and folder is not None:
        loaded = sys.modules.get(top)
        origin = getattr(loaded, "__file__", None) or next(iter(getattr(loaded, "__path__", ())), None)
        if loaded is not None and (origin is None or folder not in Path(origin).resolve().parents):
            raise SdesimError(f"{name} beside the scenario has the name of a module that is loaded already")
        if str(folder) not in sys.path:
            # It stays there: such a module may import its helpers later.
            sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(name)
    except SdesimError:
        raise
    except ModuleNotFoundError as error:
        where = "" if folder is None else f", neither beside the scenario in {folder} nor installed"
        raise SdesimError(f"{error.name or name} can't be found{where}") from None
    except Exception as error:
        raise SdesimError(f"{name} can't be imported: {type(error).__name__}: {error}") from error
