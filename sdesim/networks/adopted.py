"""A user's own torch module class as a network: its constructor's arguments are the fields."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from annotated_types import Ge, Lt

from sdesim.kinds import Misfit, adopter, documented, kind
from sdesim.networks.base import Base

if TYPE_CHECKING:
    from torch import nn

# Arguments of these names are fields with an underscore behind, because a network has them itself.
_RESERVED = frozenset(name for name in dir(Base) if not name.startswith("_")) - {"inputs", "outputs"}
_RESERVED |= {"kind", "family", "module_class", "arguments"}
_Seed = Annotated[int, Ge(0), Lt(2**63)]
_SEED_TEXT = "of torch's generator while the network is built: it decides the initial weights."


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


class Adopted(Base):
    """A network whose sizes only a build shows, in float64."""

    module_class: ClassVar[Any]
    arguments: ClassVar[dict[str, Argument]]

    def make(self) -> nn.Module:
        """The module, its parameters and buffers in float64."""
        given = {a.name: a.value(getattr(self, field)) for field, a in self.arguments.items()}
        module: nn.Module = self.module_class(**given)
        return module.double()


@adopter("networks")
def adopted(name: str, cls: type) -> type:
    """A torch.nn.Module class as a registered kind of networks.

    Every argument of the constructor that plain data can give is a field of its type and default, and `seed`
    is added; arguments of other types keep their defaults.

    Args:
        name: what a scenario file calls it, such as "mynet:Net".
        cls: the class.

    Raises:
        Misfit: it is no module class, or needs an argument that no file can give.
    """
    from torch import nn

    if not issubclass(cls, nn.Module):
        message = f"found {name!r}, but {cls.__name__} is neither a kind of networks nor a torch.nn.Module"
        raise Misfit("kind", message)
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
        field = f"{parameter.name}_" if parameter.name in _RESERVED else parameter.name
        hint, as_list = read
        default = parameter.default
        arguments[field] = Argument(parameter.name, as_list, type(default) is int)
        if required:
            fields.append((field, hint))
        else:
            value = tuple(default) if isinstance(default, list) else default
            fields.append((field, hint, dataclasses.field(default=value)))
    if "seed" not in arguments:
        fields.append(("seed", _Seed, dataclasses.field(default=0)))
    made = dataclasses.make_dataclass(
        cls.__name__,
        fields,
        bases=(Adopted,),
        frozen=True,
        kw_only=True,
        namespace={"module_class": cls, "arguments": arguments, "__doc__": _docstring(cls, arguments)},
    )
    made.__module__ = cls.__module__
    return kind("networks", name)(made)


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


def _docstring(cls: type, arguments: dict[str, Argument]) -> str:
    """What the class says of itself, with a line for each field."""
    said = documented(cls)
    texts = {**documented(cls.__init__).fields, **said.fields}  # type: ignore[misc]
    lines = [f"    {field}: {texts.get(a.name, f'of {cls.__name__}.')}" for field, a in arguments.items()]
    if "seed" not in arguments:
        lines.append(f"    seed: {_SEED_TEXT}")
    own = inspect.getdoc(cls) if cls.__dict__.get("__doc__") else None
    first = said.first if own else f"{cls.__name__} of {cls.__module__}."
    return "\n".join([first, "", "Args:", *lines, ""])
