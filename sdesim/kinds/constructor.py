"""The fields of a kind that is made of a class which is none: its constructor's arguments."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from sdesim.kinds.documents import documented
from sdesim.kinds.misfit import Misfit


@dataclass(frozen=True)
class Argument:
    """How a field is handed to the constructor.

    Attributes:
        name: of the argument.
        as_list: whether it takes a list rather than a tuple.
        whole: whether its default is a whole number, so that 1e2 means one.
    """

    name: str
    as_list: bool = False
    whole: bool = False

    def value(self, given: Any) -> Any:
        """The field's value as the constructor takes it."""
        if self.as_list and isinstance(given, tuple):
            return list(given)
        return int(given) if self.whole and isinstance(given, float) and given.is_integer() else given


def constructor_fields(
    name: str, cls: type, reserved: Collection[str]
) -> tuple[list[Any], dict[str, Argument]]:
    """Fields, as `dataclasses.make_dataclass` takes them, for all arguments that plain data can give.

    Arguments of other types keep their defaults.

    Args:
        name: what a scenario file calls the class, for messages.
        cls: the class.
        reserved: arguments of these names are fields with an underscore behind.

    Returns:
        The fields, and of each by its name how it is handed over.

    Raises:
        Misfit: the class needs an argument that no file can give.
    """
    fields: list[Any] = []
    arguments: dict[str, Argument] = {}
    hints = _hints(cls)
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        read = _field_type(hints.get(parameter.name, Any), parameter.default)
        required = parameter.default is parameter.empty
        if read is None or parameter.kind is parameter.POSITIONAL_ONLY:
            if required:
                message = f"found {name!r}, but {cls.__name__} needs {parameter.name}, which no file can give"
                raise Misfit("kind", message)
            continue
        field = f"{parameter.name}_" if parameter.name in reserved else parameter.name
        hint, as_list = read
        default = parameter.default
        arguments[field] = Argument(parameter.name, as_list, type(default) is int)
        if required:
            fields.append((field, hint))
        else:
            value = tuple(default) if isinstance(default, list) else default
            fields.append((field, hint, dataclasses.field(default=value)))
    return fields, arguments


def given_arguments(kind: Any, arguments: Mapping[str, Argument]) -> dict[str, Any]:
    """The keywords that the fields of a kind are to its class's constructor."""
    return {a.name: a.value(getattr(kind, field)) for field, a in arguments.items()}


def constructor_docstring(cls: type, arguments: Mapping[str, Argument], more: Mapping[str, str]) -> str:
    """What the class says of itself, with a line for each argument and for each of `more` fields."""
    said = documented(cls)
    texts = {**documented(cls.__init__).fields, **said.fields}  # type: ignore[misc]
    lines = [f"    {field}: {texts.get(a.name, f'of {cls.__name__}.')}" for field, a in arguments.items()]
    lines += [f"    {field}: {text}" for field, text in more.items()]
    own = inspect.getdoc(cls) if cls.__dict__.get("__doc__") else None
    first = said.first if own else f"{cls.__name__} of {cls.__module__}."
    return "\n".join([first, "", "Args:", *lines, ""])


def _hints(cls: type) -> dict[str, Any]:
    """Annotations of the constructor, none where they can't be resolved."""
    try:
        return get_type_hints(cls.__init__, include_extras=True)  # type: ignore[misc]
    except Exception:
        return {}


def _field_type(hint: Any, default: Any) -> tuple[Any, bool] | None:
    """Type of the field and whether the argument is a list; None where plain data can't give it."""
    if hint is Any:
        if default is inspect.Parameter.empty or type(default) in (int, float, NoneType, tuple, list):
            return Any, isinstance(default, list)
        return (type(default), False) if type(default) in (bool, str) else None
    plain = _plain_type(hint)
    if plain is None:
        return None
    inner = next((part for part in get_args(hint) if part is not NoneType), hint)
    listed = list in (hint, get_origin(hint), get_origin(inner) if _is_union(hint) else None)
    return plain, listed


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, UnionType)


def _plain_type(hint: Any) -> Any:
    """The annotation with tuples for lists, None where a file can't give its values."""
    origin, inside = get_origin(hint), get_args(hint)
    if hint in (int, float, bool, str) or origin is Literal:
        return hint
    if hint in (list, tuple):
        return tuple[Any, ...]
    if origin is Annotated:
        plain = _plain_type(inside[0])
        return None if plain is None else Annotated[(plain, *inside[1:])]
    if _is_union(hint):
        parts = [part if part is NoneType else _plain_type(part) for part in inside]
        return None if None in parts else Union[tuple(parts)]  # noqa: UP007
    if origin in (list, Sequence):
        plain = _plain_type(inside[0])
        return None if plain is None else tuple[plain, ...]  # type: ignore[valid-type]
    if origin is tuple:
        parts = [part if part is Ellipsis else _plain_type(part) for part in inside]
        return None if None in parts else tuple[tuple(parts)]  # type: ignore[misc]
    if origin is dict and inside[0] is str:
        plain = _plain_type(inside[1])
        return None if plain is None else dict[str, plain]  # type: ignore[valid-type]
    return None
