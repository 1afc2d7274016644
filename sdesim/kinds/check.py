"""The one check of a kind's fields, for Python and for files: a pydantic model made of the signature."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from sdesim.kinds.fields import InCode, Marker, fields_by_name
from sdesim.kinds.messages import say
from sdesim.kinds.misfit import Misfit, Path
from sdesim.kinds.spelling import short


def checked(cls: type, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as the class's annotations take them.

    Raises:
        Misfit: every one that does not fit, with its place.
    """
    from pydantic_core import ValidationError

    try:
        given = model_of(cls).model_validate(dict(fields))
    except ValidationError as error:
        raise Misfit(problems(error.errors(), cls)) from None
    return {name: getattr(given, name) for name in given.model_fields_set}


@cache
def model_of(cls: type) -> Any:
    """The pydantic model of a kind's signature, made once."""
    from pydantic import ConfigDict, Field, create_model

    hints = hints_of(cls)
    fields: dict[str, Any] = {}
    for name, field in fields_by_name(cls).items():
        default: Any = ... if field.default is dataclasses.MISSING else field.default
        if field.default_factory is not dataclasses.MISSING:
            default = Field(default_factory=field.default_factory)
        fields[name] = (_read_leniently(hints[field.name]), default)
    config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
    )
    return create_model(cls.__name__, __config__=config, **fields)


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """The annotations of a kind's fields, resolved."""
    return get_type_hints(cls, include_extras=True)


def in_code(cls: type) -> list[str]:
    """Names of the fields that no file may give."""
    hints = hints_of(cls)
    named = fields_by_name(cls).items()
    return [name for name, field in named if InCode in map(type, _metadata(hints[field.name]))]


def _metadata(hint: Any) -> tuple[Any, ...]:
    return getattr(hint, "__metadata__", ())


def _read_leniently(hint: Any) -> Any:
    """An annotation that also takes numpy's numbers, 1e5 for a whole number, and a list for a tuple."""
    from pydantic import AfterValidator, BeforeValidator, PlainSerializer

    if any(isinstance(mark, Marker) for mark in _metadata(hint)):
        return hint
    if get_origin(hint) is Annotated:
        inner, *marks = get_args(hint)
        # The bounds are of the value inside, so they go where that is read.
        return _annotated(inner, marks)
    if get_origin(hint) in (Union, UnionType):
        parts = [part if part is NoneType else _read_leniently(part) for part in get_args(hint)]
        return Union[tuple(parts)]  # noqa: UP007
    if get_origin(hint) is tuple:
        parts = [part if part is Ellipsis else _read_leniently(part) for part in get_args(hint)]
        read = Annotated[tuple[tuple(parts)], BeforeValidator(_as_tuple)]  # type: ignore[valid-type, misc]
        return Annotated[read, PlainSerializer(_as_list)]
    if get_origin(hint) is dict:
        key, value = get_args(hint)
        return dict[key, _read_leniently(value)]  # type: ignore[valid-type, misc]
    if hint is int:
        return Annotated[int, AfterValidator(_countable), BeforeValidator(_whole)]
    if hint in (float, bool, str) or get_origin(hint) is Literal:
        return Annotated[hint, BeforeValidator(_plain)]
    return hint


def _annotated(inner: Any, marks: list[Any]) -> Any:
    read = _read_leniently(inner)
    if get_origin(read) is Annotated:
        base, *own = get_args(read)
        # What makes the value plain is called first, so it stands last.
        return Annotated[(base, *marks, *own)]
    return Annotated[(read, *marks)]


def _plain(value: Any) -> Any:
    """A number of numpy's as Python's."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value


def _whole(value: Any) -> Any:
    """1e5 as the whole number that it is; anything else unchanged, for the strict check that follows."""
    plain = _plain(value)
    return int(plain) if isinstance(plain, float) and plain.is_integer() else plain


def _countable(value: int) -> int:
    """A whole number that arrays and generators can count with, as it is; longer ones are no size or seed."""
    if not -(2**63) <= value < 2**64:
        raise ValueError(f"found {short(value)}, allowed: whole numbers below 2^64")
    return value


def _as_tuple(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    return tuple(value) if isinstance(value, list) else value


def _as_list(value: tuple[Any, ...]) -> list[Any]:
    # Not `list` itself: to find the signature of a builtin, pydantic would have its text parsed.
    return list(value)


def problems(errors: list[Any], cls: type) -> list[tuple[Path, str]]:
    """Place and words of pydantic's errors about a kind's fields, one for each place."""
    places: dict[Path, list[dict[str, Any]]] = {}
    closed = in_code(cls)
    names = [name for name in fields_by_name(cls) if name not in closed]
    for item in errors:
        places.setdefault(_place(item["loc"], item["type"]), []).append(dict(item))
    for path in [p for p in places if any(q != p and q[: len(p)] == p for q in places)]:
        # A value that may be of several types: the deepest complaint says most.
        del places[path]
    hints = {name: hints_of(cls)[field.name] for name, field in fields_by_name(cls).items()}
    reasons: Mapping[str, str] = getattr(cls, "refused_fields", {})
    return [
        (path, f"found {short(items[0]['input'])}, refused: {reasons[str(path[0])]}")
        if len(path) == 1 and str(path[0]) in reasons and str(path[0]) not in names
        else (
            path,
            say(items, str(path[-1]) if path else "", names, hints.get(str(path[0])) if path else None),
        )
        for path, items in places.items()
    ]


def _place(loc: tuple[Any, ...], sort: str) -> Path:
    """The location without the names of union members, which pydantic puts between."""
    return tuple(p for k, p in enumerate(loc) if k == 0 or isinstance(p, int) or not _is_member(p, sort))


def _is_member(part: str, sort: str) -> bool:
    return part in ("float", "int", "str", "bool") or "[" in part
