"""The registry: which kinds there are of each family, found where their decorator stands.

sdesim's own kinds are found by the decorator in the text of its files, so that none is imported before it is
asked for and nothing else has to name it; those of installed packages by entry points `sdesim.<family>`.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from sdesim.errors import SdesimError, first_line
from sdesim.kinds.fields import fields_by_name
from sdesim.kinds.misfit import Misfit
from sdesim.kinds.spelling import letters, nearest, short
from sdesim.kinds.trust import trusted_module, trusted_modules

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T", bound=type)
Adopter = Callable[[str, type], type]

_REGISTERED: dict[str, dict[str, type]] = {}
_ADOPTERS: dict[str, Adopter] = {}
_MARK = re.compile(r"^@(?:sdesim\.)?(kind|adopter)\(\s*\"([\w-]+)\"(?:,\s*\"([\w-]+)\")?", re.M)
_CLASS = re.compile(r"^class (\w+)", re.M)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where one of sdesim's own kinds stands."""

    module: str
    class_name: str


def kind(family: str, name: str) -> Callable[[T], T]:
    """Register a frozen dataclass as `kind: name` of a family; Python and YAML check its fields alike.

    Args:
        family: "surfaces", "noises", "schemes", …
        name: what a scenario file calls it, in lower case with hyphens.

    Returns:
        A decorator. It gives the class ``family`` and ``kind``, lets the constructor check every field, makes
        equality compare fields (arrays too), and pickles an object as its fields.

    Raises:
        SdesimError: the class is no frozen dataclass, or the name is taken by another.
    """

    def register(cls: T) -> T:
        params = getattr(cls, "__dataclass_params__", None)
        if params is None or not params.frozen:
            raise SdesimError(f"{cls.__name__} must be a frozen dataclass to be a kind of {family}")
        known = _REGISTERED.setdefault(family, {})
        other = known.get(name, cls)
        if (other.__module__, other.__qualname__) != (cls.__module__, cls.__qualname__):
            raise SdesimError(f"two {family} are called {name!r}: {place_of(other)} and {place_of(cls)}")
        if origin_is_foreign(cls) and name in own_kinds()[0].get(family, {}):
            raise SdesimError(f"{place_of(cls)} has the name of sdesim's own {name!r} of {family}: rename it")
        known[name] = cls
        _equip(cls, family, name)
        return cls

    return register


def _equip(cls: Any, family: str, name: str) -> None:
    """Give a class what every kind has."""
    plain = cls.__init__
    own = {name: field.name for name, field in fields_by_name(cls).items()}
    called = {field: name for name, field in own.items()}
    made = inspect.signature(cls)
    signature = made.replace(parameters=[p.replace(name=called[p.name]) for p in made.parameters.values()])

    @wraps(plain)
    def __init__(self: Any, *args: Any, **fields: Any) -> None:
        if type(self) is not cls and "kind" not in vars(type(self)):
            # A subclass that is no kind itself has fields of its own; the kinds' checks are not for it.
            plain(self, *args, **fields)
            return
        from sdesim.kinds.check import checked

        if len(args) > len(signature.parameters):
            raise TypeError(f"{cls.__name__} takes {len(signature.parameters)} fields, got {len(args)}")
        # `dataclasses.replace` says the fields' own names.
        fields = {called.get(name, name): value for name, value in fields.items()}
        named = dict(zip(signature.parameters, args, strict=False))
        twice = [field for field in fields if field in named]
        if twice:
            raise TypeError(f"{cls.__name__} got {twice[0]} twice")
        given = checked(cls, {**named, **fields})
        plain(self, **{own[name]: value for name, value in given.items()})

    def __reduce__(self: Any) -> tuple[Any, ...]:
        if type(self) is not cls:
            return object.__reduce_ex__(self, 2)  # type: ignore[return-value]
        return _rebuilt, (family, name, fields_of(self))

    def __eq__(self: Any, other: Any) -> Any:
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = fields_of(self), fields_of(other)
        return all(_same(mine[key], theirs[key]) for key in mine)

    def __hash__(self: Any) -> int:
        return hash((family, name, *(v for v in fields_of(self).values() if type(v) in _HASHED)))

    cls.kind, cls.family, cls.__init__, cls.__reduce__ = name, family, __init__, __reduce__
    cls.__eq__, cls.__hash__, cls.__signature__ = __eq__, __hash__, signature


# Fields of other types, arrays above all, would make hashes slow; equality still compares them.
_HASHED = (int, float, str, bool, type(None))


def _rebuilt(family: str, name: str, fields: dict[str, Any]) -> Any:
    # What was made here once is made again without asking for trust anew.
    cls = _REGISTERED.get(family, {}).get(name) or class_of(family, name)
    return cls(**fields)


def fields_of(value: Any) -> dict[str, Any]:
    """The fields that make an object, by name, without what it worked out of them."""
    return {name: getattr(value, field.name) for name, field in fields_by_name(value).items()}


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    return bool(a == b)


def is_kind(value: Any, family: str) -> bool:
    """Whether an object is of a registered kind of that family."""
    own = vars(type(value))
    return own.get("family") == family and "kind" in own


def adopter(family: str) -> Callable[[Adopter], Adopter]:
    """Register how a class that is no kind becomes one: a function (name, class) → registered kind."""

    def register(function: Adopter) -> Adopter:
        _ADOPTERS[family] = function
        return function

    return register


@cache
def own_kinds() -> tuple[Mapping[str, Mapping[str, Place]], Mapping[str, str]]:
    """sdesim's own: family → name → place, and family → module of its adopter; read off the files' text."""
    root = Path(__file__).resolve().parent.parent
    kinds: dict[str, dict[str, Place]] = {}
    adopters: dict[str, str] = {}
    for file, text in sorted(_marked(root)):
        parts = file.relative_to(root.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for mark in _MARK.finditer(text):
            if mark[1] == "adopter":
                adopters[mark[2]] = module
                continue
            named = _CLASS.search(text, mark.end())
            if named is not None:
                kinds.setdefault(mark[2], {})[mark[3]] = Place(module, named[1])
    return kinds, adopters


def _marked(root: Path) -> Iterator[tuple[Path, str]]:
    """The files below a folder that hold a mark, with their text."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".py"):
                # Every start reads all of sdesim; as bytes, past the buffers, that takes half the time.
                with open(os.path.join(folder, name), "rb", buffering=0) as file:
                    text = file.read()
                if b"@kind(" in text or b"@adopter(" in text:
                    yield Path(folder, name), text.decode()


@cache
def _entry_points() -> Any:
    # One look through all installed packages; typeshed's type of it differs between versions of Python.
    from importlib.metadata import entry_points

    return entry_points()


@cache
def installed_kinds(family: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Kinds of installed packages: name → entry points of the group `sdesim.<family>`, one if all is well."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in _entry_points().select(group=f"sdesim.{family}"):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


def families() -> list[str]:
    """Names of all families that have kinds of sdesim's own."""
    return sorted(own_kinds()[0])


def names_of(family: str) -> list[str]:
    """Names of a family's kinds: sdesim's own, those of installed packages, those registered at run time."""
    with suppress(Misfit):
        _import_trusted()
    own = own_kinds()[0].get(family, {})
    # "module:Class" is known to whoever trusts the module, not in general.
    registered = [name for name in _REGISTERED.get(family, {}) if ":" not in name]
    return list(dict.fromkeys([*own, *installed_kinds(family), *registered]))


def kinds_of(family: str) -> dict[str, type]:
    """All kinds of a family by name, imported."""
    return {name: class_of(family, name) for name in names_of(family)}


def class_of(family: str, name: Any) -> type:
    """The class of a kind.

    Args:
        family: "surfaces", …
        name: of a kind, or "module:Class" of a trusted module.

    Raises:
        Misfit: there is none of that name, or its module is not trusted.
    """
    if isinstance(name, str) and ":" in name:
        return _foreign(family, name)
    known = _REGISTERED.get(family, {})
    if isinstance(name, str) and name in known:
        return known[name]
    own = own_kinds()[0].get(family, {})
    if isinstance(name, str) and name in own:
        import_module(own[name].module)
        return _REGISTERED[family][name]
    if isinstance(name, str) and name in installed_kinds(family):
        return _installed(family, name)
    if name is None:
        raise Misfit("kind", "missing")
    if isinstance(name, str):
        _import_trusted()
        if name in _REGISTERED.get(family, {}):
            return _REGISTERED[family][name]
    refusal = _refusal(family, name)
    if refusal:
        raise Misfit("kind", f"found {short(name)}, refused: {refusal}")
    same = _of_same_letters(family, name)
    if same:
        return class_of(family, same)
    raise Misfit("kind", f"found {short(name)}, allowed: {', '.join(names_of(family))}{_hint(family, name)}")


def _refusal(family: str, name: Any) -> str:
    """Why a family has no kind of a name that is known elsewhere, as its base says; empty for other names."""
    reasons: Mapping[str, str] = getattr(_base_of(family), "refused_kinds", {})
    return next((text for known, text in reasons.items() if letters(known) == letters(str(name))), "")


def _of_same_letters(family: str, name: Any) -> str:
    """The kind whose name has the letters of a name, in families that say so: "adamw" for "AdamW"."""
    if not getattr(_base_of(family), "told_by_letters", False):
        return ""
    found = [known for known in names_of(family) if letters(known) == letters(str(name))]
    return found[0] if len(found) == 1 else ""


def _hint(family: str, name: Any) -> str:
    found = nearest(name if isinstance(name, str) else "", names_of(family))
    return found if "did you mean" in found else ""


def _installed(family: str, name: str) -> type:
    points = installed_kinds(family)[name]
    packages = [point.dist.name if point.dist is not None else point.value for point in points]
    if len(points) > 1:
        message = f"found {name!r}, which several packages have: {', '.join(sorted(packages))}"
        raise Misfit("kind", f"{message}; keep one of them installed")
    try:
        cls = points[0].load()
    except Exception as error:
        said = f"{type(error).__name__}: {first_line(error)}"
        raise Misfit("kind", f"found {name!r} of {packages[0]}, which can't be loaded: {said}") from error
    if not isinstance(cls, type):
        raise Misfit("kind", f"found {name!r} of {packages[0]}, but {points[0].value} is no class")
    return _taken(family, name, cls, packages[0])


def _foreign(family: str, name: str) -> type:
    """A class of a trusted module."""
    module, _, attribute = name.partition(":")
    try:
        cls = getattr(trusted_module(module), attribute, None)
    except SdesimError as error:
        raise Misfit("kind", f"found {name!r}, {error}") from None
    known = _REGISTERED.get(family, {}).get(name)
    if known is not None:
        return known
    if not isinstance(cls, type):
        raise Misfit("kind", f"found {name!r}, but {module} has no class {attribute}")
    return _taken(family, name, cls, module)


def _import_trusted() -> None:
    """Import the trusted modules, which may register kinds under names of their own.

    Raises:
        Misfit: one can't be imported.
    """
    for module in sorted(trusted_modules.get()):
        try:
            trusted_module(module)
        except SdesimError as error:
            raise Misfit("kind", str(error)) from None


def _taken(family: str, name: str, cls: type, source: str) -> type:
    """The class as a kind of that name: as it is, under a second name, or adopted.

    Raises:
        Misfit: it is none of these.
    """
    known = _REGISTERED.setdefault(family, {})
    of = vars(cls).get("family") if "kind" in vars(cls) else None
    if of == family:
        known.setdefault(name, cls)
        return known[name]
    text = f"found {name!r}, but {cls.__name__} of {source} is no kind of {family}"
    if of is not None:
        raise Misfit("kind", f"{text}: it is one of {of}")
    base = _base_of(family)
    derived = base is None or issubclass(cls, base)
    if derived and dataclasses.is_dataclass(cls) and getattr(cls, "__dataclass_params__").frozen:  # noqa: B009
        return kind(family, name)(cls)
    _, adopters = own_kinds()
    if family not in _ADOPTERS and family in adopters:
        import_module(adopters[family])
    if family in _ADOPTERS:
        return _ADOPTERS[family](name, cls)
    needed = "" if base is None else f" that derives from {base.__module__}.{base.__qualname__}"
    raise Misfit("kind", f"{text}: make it a frozen dataclass{needed}")


@cache
def _base_of(family: str) -> type | None:
    """The base that kinds of a family derive from; None for a family without kinds of sdesim's own."""
    place = next(iter(own_kinds()[0].get(family, {}).values()), None)
    if place is None:
        return None
    cls = getattr(import_module(place.module), place.class_name)
    return next((part for part in cls.__mro__ if part.__module__.endswith(".base")), None)


def origin_is_foreign(thing: Any) -> bool:
    """Whether a class or function is not sdesim's own."""
    return str(thing.__module__).partition(".")[0] != "sdesim"


def origin_of(cls: Any) -> str:
    """Package and version, or module, of a class or function that is not sdesim's; empty for our own."""
    if not origin_is_foreign(cls):
        return ""
    top = cls.__module__.split(".")[0]
    from importlib.metadata import packages_distributions, version

    packages = packages_distributions().get(top)
    return f"{packages[0]} {version(packages[0])}" if packages else f"module {cls.__module__}"


def place_of(cls: type) -> str:
    """ "module.Class"."""
    return f"{cls.__module__}.{cls.__qualname__}"
