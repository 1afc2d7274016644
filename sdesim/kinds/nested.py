"""Types of fields that hold another kind, or a group of fields of one form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sdesim.kinds.fields import Marker
from sdesim.kinds.plain import dump, dump_settings, read_settings, read_within


@dataclass(frozen=True)
class OneOf(Marker):
    """`Annotated[Any, OneOf("surfaces")]`: a kind of that family; in a file {kind: …} or its name alone.

    Attributes:
        family: whose kinds.
        take: names of methods and attributes by which an object of no registered kind is taken from Python.
    """

    family: str
    take: tuple[str, ...] = ()

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        shown = core_schema.plain_serializer_function_ser_schema(dump)
        return core_schema.no_info_plain_validator_function(
            lambda value: read_within(self.family, self.take, value), serialization=shown
        )

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        # pydantic refuses a $ref that it does not know; `sdesim.kinds.schema.linked` puts it in its place.
        return {"x-family": self.family}


@dataclass(frozen=True)
class Settings(Marker):
    """`Annotated[Any, Settings("probes")]`: a group of fields of one form, so that no kind is named.

    The group is the kind of that name in the family "settings".
    """

    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        shown = core_schema.plain_serializer_function_ser_schema(dump_settings)
        return core_schema.no_info_plain_validator_function(
            lambda value: read_settings(self.name, value), serialization=shown
        )

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"x-settings": self.name}
