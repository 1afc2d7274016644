"""Whose code may run, and beside which file modules and data are sought.

A scenario file never makes code run by itself: `kind: "mymodule:MyNet"` is taken only where the person who
runs it names the module (`--trust mymodule`).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

from sdesim.errors import SdesimError, failure, first_line

trusted_modules: ContextVar[frozenset[str]] = ContextVar("trusted_modules", default=frozenset())
base_folder: ContextVar[Path | None] = ContextVar("base_folder", default=None)
# The modules whose code was run, by the first part of their names.
_ran: set[str] = set()


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


def trusts(name: str) -> bool:
    """Whether a module, or a package that it is in, was trusted."""
    parts = name.split(".")
    return any(".".join(parts[: k + 1]) in trusted_modules.get() for k in range(len(parts)))


def trusted_module(name: str) -> ModuleType:
    """Import a trusted module, from beside the scenario file where one stands there.

    Other files beside the scenario can be imported by it, but take no name of an installed module.

    Raises:
        SdesimError: it was not trusted, can't be imported, or another file's module has its name.
    """
    if not trusts(name):
        raise SdesimError(f"which runs the code of {name}: allow it with --trust {name}")
    folder = base_folder.get()
    _ran.add(name.partition(".")[0])
    try:
        if folder is not None:
            _load_beside(name.partition(".")[0], folder)
        return importlib.import_module(name)
    except SdesimError:
        raise
    except ModuleNotFoundError as error:
        if error.name and not f"{name}.".startswith(f"{error.name}."):
            message = f"{name} can't be imported: it needs {error.name}, which can't be found"
        else:
            where = "" if folder is None else f", neither beside the scenario in {folder} nor installed"
            message = f"{error.name or name} can't be found{where}"
        raise SdesimError(message) from None
    except (Exception, SystemExit) as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise SdesimError(f"{name} can't be imported: {said}") from error


def failed_in(error: BaseException) -> str:
    """What a trusted module's code raised, and where: "/a/mynet.py, line 10, in values: ValueError: no".

    Empty where none of it was running: the error is then one of sdesim's own or of a library.
    """
    steps = traceback.walk_tb(error.__traceback__)
    theirs = [
        (frame.f_code, line)
        for frame, line in steps
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] in _ran
    ]
    if not theirs:
        return ""
    code, line = theirs[-1]
    return f"{code.co_filename}, line {line}, in {code.co_name}: {failure(error)}"


def _load_beside(top: str, folder: Path) -> None:
    """Import the module or package of this name in a folder, if there is one.

    Raises:
        SdesimError: the name is taken.
    """
    if str(folder) not in sys.path:
        # Last, so that no file there hides an installed module; and it stays, for imports that come later.
        sys.path.append(str(folder))
    place = next((p for p in (folder / top / "__init__.py", folder / f"{top}.py") if p.is_file()), None)
    if place is None:
        return
    loaded = sys.modules.get(top)
    if loaded is not None:
        origin = getattr(loaded, "__file__", None)
        if origin is None or Path(origin).resolve() != place.resolve():
            raise SdesimError(f"{top} beside the scenario has the name of a module that is loaded already")
        return
    if top in sys.stdlib_module_names:
        raise SdesimError(f"{top} beside the scenario has the name of a module of Python's own")
    spec = importlib.util.spec_from_file_location(top, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[top] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[top]
        raise
