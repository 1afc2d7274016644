"""Schemes: one file each, with the update, its source, its orders and what it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sdesim.engine.schemes.base import Base as Base
from sdesim.engine.schemes.base import Scheme as Scheme
from sdesim.engine.schemes.base import misfits as misfits
from sdesim.engine.schemes.base import sort_of as sort_of
from sdesim.kinds import Misfit, class_of, names_of, read
from sdesim.kinds.bases import public_names

_FAMILY = "schemes"
_OTHERS = {"Base": "base", "Scheme": "base", "misfits": "base", "sort_of": "base"}


class _Schemes(Mapping[str, Any]):
    """Name → class of every scheme, those of installed packages too."""

    def __getitem__(self, name: str) -> Any:
        if name not in names_of(_FAMILY):
            raise KeyError(name)
        return class_of(_FAMILY, name)

    def __iter__(self) -> Iterator[str]:
        return iter(names_of(_FAMILY))

    def __len__(self) -> int:
        return len(names_of(_FAMILY))


SCHEMES: Mapping[str, Any] = _Schemes()


def as_scheme(scheme: Any) -> Scheme:
    """The object itself, or the scheme of that name with its default parameters.

    Args:
        scheme: a name, {"kind": name, …} with parameters, or an object of anyone's subclass of `Base`, or
            of the same shape.

    Raises:
        Misfit: there is no such scheme, or its parameters don't fit.
    """
    if hasattr(scheme, "functions") and not isinstance(scheme, type):
        taken: Scheme = scheme
        return taken
    try:
        made: Scheme = read(_FAMILY, scheme)
    except Misfit as error:
        alone = isinstance(scheme, str)
        raise Misfit([(("scheme", *(() if alone else at)), text) for at, text in error.problems]) from None
    return made


_get, __dir__ = public_names(__name__, _FAMILY, _OTHERS)


def __getattr__(name: str) -> Any:
    return _get(name)
