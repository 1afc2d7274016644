"""Kinds as plain data, and back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds.check import in_code
from sdesim.kinds.misfit import Misfit, Problem
from sdesim.kinds.registry import class_of, fields_of, is_kind, names_of
from sdesim.kinds.spelling import nearest, short

SETTINGS = "settings"


def read(family: str, value: Any) -> Any:
    """{"kind": …, fields} → the object; a name alone stands for the kind with its defaults.

    Args:
        family: "surfaces", …
        value: plain data, or an object of that family, which is given back.

    Raises:
        Misfit: what does not fit, with its place inside ``value``.
    """
    if is_kind(value, family):
        return value
    if not isinstance(value, Mapping | str):
        raise Misfit((), f"found {short(value)}, allowed: a kind of {family}: {', '.join(names_of(family))}")
    if isinstance(value, str):
        return _of_name(family, value)
    fields = {str(k): v for k, v in value.items()}
    cls = class_of(family, fields.pop("kind", None))
    closed = [name for name in in_code(cls) if name in fields]
    if closed:
        open_fields = [n for n in getattr(cls, "__signature__").parameters if n not in in_code(cls)]  # noqa: B009
        raise Misfit([((name,), f"unknown field{nearest(name, open_fields)}") for name in closed])
    return cls(**fields)


def _of_name(family: str, name: str) -> Any:
    """The kind with its defaults; what does not fit is said of the name itself."""
    try:
        cls = class_of(family, name)
    except Misfit as error:
        raise Misfit([((), text) for _, text in error.problems]) from None
    return cls()


def read_within(family: str, take: tuple[str, ...], value: Any) -> Any:
    """As `read`, for a field of another kind or of a scenario: errors keep their places inside it."""
    if not isinstance(value, Mapping | str) and take and all(hasattr(value, a) for a in take):
        return value
    return _placed(lambda: read(family, value), family, value)


def read_settings(name: str, value: Any) -> Any:
    """A group of fields that has one form; errors keep their places inside it."""
    if is_kind(value, SETTINGS):
        return value
    if not isinstance(value, Mapping):
        raise _error((((), f"found {short(value)}, allowed: a group of fields"),), name, value)
    given = {str(k): v for k, v in value.items()}
    if "kind" in given:
        fields = list(inspect.signature(class_of(SETTINGS, name)).parameters)
        raise _error(((("kind",), f"unknown field{nearest('kind', fields)}"),), name, value)
    return _placed(lambda: read(SETTINGS, {**given, "kind": name}), name, value)


def _placed(call: Callable[[], Any], title: str, value: Any) -> Any:
    """What the call gives; a Misfit becomes pydantic's error with the places that it knows."""
    try:
        return call()
    except Misfit as error:
        raise _error(error.problems, title, value) from None
    except SdesimError as error:
        # A check that knows no place: the value as a whole.
        raise _error((((), str(error)),), title, value) from None


def _error(problems: Iterable[Problem], title: str, value: Any) -> Exception:
    from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

    lines = [
        InitErrorDetails(
            type=PydanticCustomError("misfit", "{text}", {"text": text}), loc=tuple(at), input=value
        )
        for at, text in problems
    ]
    return ValidationError.from_exception_data(title, lines)


def dump_settings(value: Any) -> dict[str, Any] | None:
    """The fields of a group, without a kind."""
    if value is None:
        return None
    return {key: part for key, part in dump(value).items() if key != "kind"}


def dump(value: Any) -> dict[str, Any]:
    """The object as plain data that `read` takes: its kind and all its fields, defaults included.

    Raises:
        SdesimError: it holds a value that only Python can give, or is of no registered kind.
    """
    cls = type(value)
    if "kind" not in vars(cls):
        raise SdesimError(f"{cls.__name__} is no registered kind, so that no file can hold it")
    fields = fields_of(value)
    for name in in_code(cls):
        if fields.pop(name) is not None:
            raise SdesimError(f"{cls.__name__} holds {name}, given in Python, which no file can hold")
    return {"kind": cls.kind, **{name: _plain(v) for name, v in fields.items()}}


def _plain(value: Any) -> Any:
    if "kind" in vars(type(value)):
        return dump_settings(value) if is_kind(value, SETTINGS) else dump(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if callable(value):
        raise SdesimError("found a function that was given in Python, which no file can hold")
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return value
