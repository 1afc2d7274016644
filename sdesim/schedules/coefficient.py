"""A field that holds a number, or a schedule in its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdesim.kinds.fields import Marker, Numbers
from sdesim.kinds.plain import dump, read_within
from sdesim.schedules.base import Base, OfTime

_FAMILY = "schedules"


@dataclass(frozen=True, init=False)
class Coefficient(Marker):
    """`Annotated[Any, Coefficient(0, 1)]`: as `Numbers`, or a schedule, in Python also a function of t.

    A schedule that never changes becomes its number, so that it gives the number's bits.
    """

    ranks: tuple[int, ...]

    def __init__(self, *ranks: int) -> None:
        object.__setattr__(self, "ranks", ranks)

    def read(self, value: Any) -> Any:
        """The value as a float, an array or a schedule. Raises pydantic's error for anything else."""
        if isinstance(value, Mapping | str):
            value = read_within(_FAMILY, (), value)
        elif callable(value) and not isinstance(value, Base):
            value = OfTime(value)
        if isinstance(value, Base):
            return value if value.constant is None else value.constant
        return Numbers(*self.ranks).read(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        shown = core_schema.plain_serializer_function_ser_schema(_shown)
        return core_schema.no_info_plain_validator_function(self.read, serialization=shown)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        numbers = Numbers(*self.ranks).__get_pydantic_json_schema__(core, handler)
        return {"anyOf": [*numbers.get("anyOf", [numbers]), {"x-family": _FAMILY}]}


def _shown(value: Any) -> Any:
    return dump(value) if isinstance(value, Base) else value


def moves(value: Any) -> bool:
    """Whether a coefficient is a schedule."""
    return isinstance(value, Base)


def at(value: Any, time: float) -> Any:
    """A coefficient at a time: a schedule's value, anything else as it is."""
    return value(time) if isinstance(value, Base) else value
