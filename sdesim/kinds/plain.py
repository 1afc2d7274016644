"""Kinds as plain data, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds.check import in_code
from sdesim.kinds.fields import OneOf, short
from sdesim.kinds.misfit import Misfit
from sdesim.kinds.registry import class_of, fields_of, is_kind, names_of
from sdesim.kinds.spelling import nearest


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
    fields = {"kind": value} if isinstance(value, str) else {str(k): v for k, v in value.items()}
    cls = class_of(family, fields.pop("kind", None))
    closed = [name for name in in_code(cls) if name in fields]
    if closed:
        open_fields = [n for n in getattr(cls, "__signature__").parameters if n not in in_code(cls)]  # noqa: B009
        raise Misfit([((name,), f"unknown field{nearest(name, open_fields)}") for name in closed])
    return cls(**fields)


def read_within(field: OneOf, value: Any) -> Any:
    """As `read`, for a field of another kind or of a scenario: errors keep their places inside it."""
    from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

    if not isinstance(value, Mapping | str) and field.take and all(hasattr(value, a) for a in field.take):
        return value
    try:
        return read(field.family, value)
    except Misfit as error:
        lines = [
            InitErrorDetails(
                type=PydanticCustomError("misfit", "{text}", {"text": text}), loc=tuple(at), input=value
            )
            for at, text in error.problems
        ]
    except SdesimError as error:
        # A check that knows no place: the value as a whole.
        whole = PydanticCustomError("misfit", "{text}", {"text": str(error)})
        lines = [InitErrorDetails(type=whole, loc=(), input=value)]
    raise ValidationError.from_exception_data(field.family, lines) from None


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
        return dump(value)
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return value
