"""What a function is made of: digests of its code, of the values that it reads, and of the files behind it.

Numba freezes every global value into machine code, and knows an edit by the time of one file alone. The walk
here starts from functions and follows what their code names: other functions, constants, classes, modules;
and from modules, whose files it follows along their imports. sdesim's own files are left to
`sdesim.compiled.jit.source_stamp`; the standard library and the numeric libraries have versions of their own.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache, partial
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

# Packages that are told by their version: their files are never followed.
LIBRARIES = frozenset(
    (
        "llvmlite",
        "matplotlib",
        "numba",
        "numpy",
        "pandas",
        "pydantic",
        "scipy",
        "sklearn",
        "torch",
        "xarray",
        "zarr",
    )
)
GENERATED = "sdesim_generated_"
_HOMES = tuple({sysconfig.get_path(key) for key in ("stdlib", "platstdlib")})
_MAIN = ("__main__", "__mp_main__")
_PACKAGES = ("site-packages", "dist-packages")
# Objects beyond this many are no longer looked into: nobody's kernel reads so many values.
_MOST = 20_000
_FIRST_SEEN: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()


def sources_of(functions: Mapping[str, Any], modules: Iterable[str] = ()) -> dict[str, str]:
    """Digests of all that functions and modules are made of, by words that name each part.

    A function's comments, its place in its file and its neighbours there don't count; for a module, and for
    every module from which a function takes something, the whole file does.

    Args:
        functions: plain or compiled functions (or classes, or objects that hold functions), by what to call
            them.
        modules: names of imported modules.

    Returns:
        Words such as "function double_well", "file wells.py" → 16 digits; none where all is sdesim's own.
    """
    walk = _Walk()
    for module in modules:
        walk.file(sys.modules.get(module))
    for name, function in functions.items():
        walk.root(name, function)
    return walk.found


def files_of(module: str) -> list[Path]:
    """The file of an imported module and those that it imports, as `sources_of` follows them."""
    walk = _Walk()
    walk.file(sys.modules.get(module))
    return [Path(file) for file in walk.files]


def dispatchers_of(functions: Iterable[Any]) -> list[Any]:
    """The compiled functions among these and all that they call, sdesim's own left out."""
    walk = _Walk(fresh=True)
    for k, function in enumerate(functions):
        walk.root(str(k), function)
    return walk.dispatchers


def is_own(module: str | None) -> bool:
    """Whether a module is one of sdesim's files, which have a stamp of their own."""
    return module is not None and (module == "sdesim" or module.startswith("sdesim."))


def _is_generated(module: str | None) -> bool:
    return module is not None and module.startswith(GENERATED)


@cache
def is_library(module: str) -> bool:
    """Whether a module belongs to the standard library or to a library that its version tells."""
    top = module.partition(".")[0]
    if top in LIBRARIES or top in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(top), "__file__", None)
    if top in _MAIN or file is None:
        return False
    path = Path(file)
    return top in sys.stdlib_module_names or (
        any(path.is_relative_to(home) for home in _HOMES) and not set(_PACKAGES) & set(path.parts)
    )


def _is_installed(file: Path) -> bool:
    return bool(set(_PACKAGES) & set(file.parts))


@lru_cache(maxsize=1024)
def _file_digest(path: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


@lru_cache(maxsize=1024)
def _imports(path: str, changed: int, size: int, package: str) -> tuple[str, ...]:
    """Names of the modules that a file may import."""
    try:
        tree = ast.parse(Path(path).read_bytes())
    except SyntaxError:
        return ()
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(dict.fromkeys(names))


def _stat(file: Path) -> tuple[str, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return str(file), found.st_mtime_ns, found.st_size


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and those inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _code_bytes(code: CodeType) -> bytes:
    """What the code does, without where it stands."""
    parts: list[Any] = [code.co_code.hex(), code.co_names]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            parts.append(_code_bytes(constant).hex())
        elif isinstance(constant, frozenset):
            # The order of a set of strings differs from process to process.
            parts.append(sorted(map(repr, constant)))
        else:
            parts.append(repr(constant))
    return repr(parts).encode()


class _Walk:
    """One walk; `found` collects the digests. ``fresh``: don't take remembered ones."""

    def __init__(self, fresh: bool = False) -> None:
        self.found: dict[str, str] = {}
        self.dispatchers: list[Any] = []
        self._fresh = fresh
        # In the order in which they were met, which tells them apart in every process.
        self._seen: dict[int, int] = {}
        self.files: dict[str, None] = {}
        self._home: str | None = None
        # Objects are kept, so that no two of the walk can have the same id.
        self._held: list[Any] = []

    def root(self, name: str, value: Any) -> None:
        """Walk from a value, whose own code goes by ``name``."""
        inner = _plain(value)
        module = getattr(inner, "__module__", None)
        self._home = None if is_own(module) or _is_generated(module) else module
        if isinstance(inner, FunctionType):
            if id(inner) not in self._seen:
                self._function(inner, name, value)
            return
        self._constant(name, value)

    def _note(self, label: str, content: bytes) -> None:
        self._merge(label, hashlib.sha256(content).hexdigest()[:16])

    def _merge(self, label: str, digest: str) -> None:
        known, count = label, 1
        while self.found.get(known, digest) != digest:
            count += 1
            known = f"{label} ({count})"
        self.found[known] = digest

    def file(self, module: ModuleType | None) -> None:
        """The file of a module, and those that it imports."""
        name = getattr(module, "__name__", "")
        if module is None or is_own(name) or is_library(name) or _is_generated(name):
            return
        path = getattr(module, "__file__", None)
        stat = None if path is None else _stat(Path(path))
        if stat is None or stat[0] in self.files:
            return
        self.files[stat[0]] = None
        whole = getattr(module, "__package__", None) or ""
        place = Path(stat[0])
        folder = name.replace(".", "/") if name not in _MAIN else place.stem
        label = f"{folder}/{place.name}" if place.stem == "__init__" else f"{folder}{place.suffix}"
        self._note(f"file {label}", _file_digest(*stat).encode())
        top = name.partition(".")[0]
        for other in _imports(*stat, whole):
            found = sys.modules.get(other)
            file = getattr(found, "__file__", None)
            if file is not None and (not _is_installed(Path(file)) or other.partition(".")[0] == top):
                self.file(found)

    def _function(self, function: FunctionType, label: str, compiled: Any = None) -> None:
        """Its code, what it closes over, and the globals and attributes that it names."""
        self._seen[id(function)] = len(self._seen)
        self._held.append(function)
        module = function.__module__
        options = getattr(compiled, "targetoptions", None)
        if options is not None and not is_own(module):
            self.dispatchers.append(compiled)
        closed = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        for name, cell in closed.items():
            try:
                value = cell.cell_contents
            except ValueError:
                # A name that is not bound yet.
                continue
            inner = _plain(value)
            if not is_own(module):
                self._constant(f"{label}.{name}", value)
            elif isinstance(inner, FunctionType) and id(inner) not in self._seen:
                # What a wrapper of ours is for keeps the name of the role.
                self._called(inner, value, label)
            else:
                self._constant(label, value)
        if is_own(module):
            return
        words = hashlib.sha256(_code_bytes(function.__code__))
        words.update(repr(sorted((options or {}).items(), key=str)).encode())
        self._value((function.__defaults__, function.__kwdefaults__), words, label)
        read, attributes = names_of(function.__code__)
        for name in sorted(read & set(function.__globals__)):
            self._global(name, function.__globals__[name], attributes, module, words)
        self._note(f"function {label}", words.digest())

    def _global(
        self, name: str, value: Any, attributes: frozenset[str], module: str | None, words: Any
    ) -> None:
        """A global value; ``words`` takes what the name stands for, which a swap of two names changes."""
        words.update(f"{name}={_called_so(value)};".encode())
        if isinstance(value, ModuleType):
            if is_own(value.__name__) or is_library(value.__name__):
                return
            self.file(value)
            for attribute in sorted(attributes & set(vars(value))):
                self._global(attribute, vars(value)[attribute], attributes, value.__name__, words)
            return
        place = "" if module in (None, self._home, *_MAIN) else f"{module}."
        self._constant(f"{place}{name}", value)

    def _constant(self, name: str, value: Any) -> None:
        inner = _plain(value)
        if isinstance(inner, FunctionType | MethodType | type):
            self._value(value, hashlib.sha256(), name)
            return
        digest = hashlib.sha256()
        self._value(value, digest, name)
        self._note(f"constant {name}", digest.digest())

    def _value(self, value: Any, digest: Any, name: str) -> None:
        """Feed a value into the digest; functions and classes inside it get entries of their own."""
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            digest.update(f"{type(value).__name__} {value!r};".encode())
            return
        if isinstance(value, np.ndarray | np.generic):
            array = np.asarray(value)
            digest.update(f"{array.dtype} {array.shape};".encode())
            if array.dtype.hasobject:
                self._value(array.tolist(), digest, name)
            else:
                digest.update(np.ascontiguousarray(array).tobytes())
            return
        digest.update(f"{_called_so(value)};".encode())
        if id(value) in self._seen or len(self._seen) > _MOST:
            digest.update(f"seen {self._seen.get(id(value))};".encode())
            return
        function = _plain(value)
        if isinstance(function, FunctionType):
            if id(function) not in self._seen:
                nameless = function.__name__ == "<lambda>"
                self._called(function, value, name if nameless else function.__name__)
            return
        self._seen[id(value)] = len(self._seen)
        self._held.append(value)
        if isinstance(value, MethodType):
            self._value(value.__func__, digest, name)
            self._value(value.__self__, digest, name)
        elif isinstance(value, tuple | list):
            digest.update(f"{type(value).__name__} {len(value)};".encode())
            for item in value:
                self._value(item, digest, name)
        elif isinstance(value, set | frozenset):
            digests = []
            for item in value:
                inner = hashlib.sha256()
                self._value(item, inner, name)
                digests.append(inner.hexdigest())
            digest.update(repr(sorted(digests)).encode())
        elif isinstance(value, Mapping):
            digest.update(f"mapping {len(value)};".encode())
            for key, item in list(value.items()):
                self._value(key, digest, name)
                self._value(item, digest, name)
        elif isinstance(value, partial):
            self._value((value.func, value.args, value.keywords), digest, name)
        elif isinstance(value, type):
            self._class(value)
        elif hasattr(type(value), "detach") and hasattr(type(value), "numpy"):
            self._value(np.asarray(value.detach().cpu().numpy()), digest, name)
        elif not isinstance(value, ModuleType):
            self._object(value, digest, name)

    def _called(self, function: FunctionType, value: Any, label: str) -> None:
        """A function that another one names, itself or compiled as ``value``."""
        module = function.__module__
        if module is not None and is_library(module):
            self._seen[id(function)] = len(self._seen)
            self._held.append(function)
            return
        if not is_own(module) and not _is_generated(module):
            if self._home is None:
                self._home = module
            if module not in (self._home, *_MAIN):
                self.file(sys.modules.get(module or ""))
        if value is function or self._fresh or is_own(module):
            self._function(function, label, value)
            return
        self._seen[id(function)] = len(self._seen)
        for words, found in _first_seen(value, label).items():
            self._merge(words, found)

    def _class(self, kind: type) -> None:
        """The methods of a class and of those that it is made of."""
        for part in kind.__mro__:
            if id(part) in self._seen and part is not kind:
                continue
            self._seen[id(part)] = len(self._seen)
            self._held.append(part)
            if is_own(part.__module__) or is_library(part.__module__):
                continue
            if part.__module__ not in (self._home, *_MAIN):
                self.file(sys.modules.get(part.__module__))
            for name, member in sorted(vars(part).items()):
                inner = getattr(member, "__func__", getattr(member, "fget", member))
                if isinstance(inner, FunctionType) and id(inner) not in self._seen:
                    self._function(inner, f"{part.__name__}.{name}")

    def _object(self, value: Any, digest: Any, name: str) -> None:
        """The class of an object and what it holds."""
        kind = type(value)
        digest.update(f"{kind.__module__}.{kind.__qualname__};".encode())
        self._class(kind)
        held = getattr(value, "__dict__", None)
        # A logger or a lock holds what differs from process to process.
        if isinstance(held, Mapping) and kind.__module__.partition(".")[0] not in sys.stdlib_module_names:
            for key, item in sorted(held.items(), key=lambda pair: str(pair[0])):
                digest.update(str(key).encode())
                self._value(item, digest, name)


def _plain(value: Any) -> Any:
    """The function behind a compiled one; any other value itself, those that answer to every name too."""
    function = getattr(value, "py_func", value)
    return function if isinstance(function, FunctionType) else value


def _called_so(value: Any) -> str:
    """What a function, class or module calls itself; "" for other values."""
    inner = _plain(value)
    if isinstance(inner, ModuleType):
        return inner.__name__
    name = getattr(inner, "__qualname__", getattr(inner, "__name__", None))
    if not isinstance(name, str):
        return ""
    module = getattr(inner, "__module__", "")
    return name if module in _MAIN else f"{module}.{name}"


def _first_seen(dispatcher: Any, label: str) -> dict[str, str]:
    """What a compiled function was made of when it was met first.

    Numba reads globals once, when it compiles: what was there then is what runs.
    """
    if dispatcher not in _FIRST_SEEN:
        # Two functions that call each other meet again inside.
        _FIRST_SEEN[dispatcher] = {}
        walk = _Walk()
        walk.root(label, dispatcher)
        _FIRST_SEEN[dispatcher] = walk.found
    return _FIRST_SEEN[dispatcher]


@lru_cache(maxsize=4096)
def names_of(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the globals and of the attributes that a code reads."""
    read, attributes = set(), set()
    for part in _codes(code):
        for step in dis.get_instructions(part):
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                read.add(step.argval)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                attributes.add(step.argval)
    return frozenset(read), frozenset(attributes)
