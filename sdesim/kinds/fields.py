"""Types of a kind's fields that plain annotations can't say.

Each is a marker inside `typing.Annotated`; pydantic, imported when the first value is checked, asks it how to
read a value and what to say in a JSON Schema.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdesim.kinds.arrays import NoNumbers, real_array
from sdesim.kinds.spelling import short

_FORMS = ("a number", "a list of numbers", "rows of numbers")


class Marker:
    """What a field's annotation holds besides its type, where it reads the value by itself."""


@dataclass(frozen=True, init=False)
class Numbers(Marker):
    """`Annotated[Any, Numbers(0, 1)]`: a number (0), a list (1) or rows (2) of finite numbers.

    A number becomes a float, the others a float64 array that can't be written to.
    """

    ranks: tuple[int, ...]

    def __init__(self, *ranks: int) -> None:
        object.__setattr__(self, "ranks", ranks)

    def read(self, value: Any) -> Any:
        """The value as a float or an array. Raises pydantic's error for anything else."""
        from pydantic_core import PydanticCustomError

        try:
            array = real_array(value)
            good = array.dtype.kind in "iuf" and array.ndim in self.ranks and array.size > 0
        except NoNumbers:
            good = False
        words = " or ".join(_FORMS[rank] for rank in self.ranks)
        if good and not np.isfinite(array).all():
            good, words = False, f"finite numbers, {words}"
        if not good:
            text = f"found {short(value)}, allowed: {words}"
            raise PydanticCustomError("misfit", "{text}", {"text": text})
        if array.ndim == 0:
            return float(array)
        array = array.astype(np.float64)
        array.setflags(write=False)
        return array

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        number: dict[str, Any] = {"type": "number"}
        row = {"type": "array", "items": number}
        forms: tuple[dict[str, Any], ...] = (number, row, {"type": "array", "items": row})
        chosen = [forms[rank] for rank in self.ranks]
        return chosen[0] if len(chosen) == 1 else {"anyOf": chosen}


@dataclass(frozen=True)
class InCode(Marker):
    """`Annotated[Any, InCode()]`: a value that only Python can give, such as arrays; no file may name it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.any_schema()


@dataclass(frozen=True)
class PathTo(Marker):
    """`Annotated[str, PathTo("a CSV file")]`: a file or folder, sought beside the scenario unless absolute.

    The field holds the absolute path, so that a resumed run and a worker elsewhere find the same file.
    """

    what: str
    folder: bool = False

    def read(self, value: Any) -> Any:
        """The absolute path as text. Raises pydantic's error where there is no such file."""
        from pydantic_core import PydanticCustomError

        from sdesim.kinds.trust import located

        if not isinstance(value, str | Path) or not str(value):
            text = f"found {short(value)}, allowed: the path of {self.what}"
            raise PydanticCustomError("misfit", "{text}", {"text": text})
        place = located(value)
        if not (place.is_dir() if self.folder else place.is_file()):
            text = f"found {str(value)!r}, allowed: {self.what}; there is none at {place}"
            raise PydanticCustomError("misfit", "{text}", {"text": text})
        return str(place.resolve())

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True)
class Code(Marker):
    """`Annotated[Any, Code()]`: a function, which a file names as "module:function" of a trusted module.

    The field holds what was given: whose code may run is asked where it is called.
    """

    def read(self, value: Any) -> Any:
        """The function, or its name. Raises pydantic's error for anything else."""
        from pydantic_core import PydanticCustomError

        parts = value.split(":") if isinstance(value, str) else []
        named = len(parts) == 2 and all(p.isidentifier() for p in (*parts[0].split("."), parts[1]))
        if not named and (isinstance(value, str | type) or not callable(value)):
            text = f'found {short(value)}, allowed: "module:function", in Python a function'
            raise PydanticCustomError("misfit", "{text}", {"text": text})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string"}


def fields_by_name(cls: Any) -> dict[str, dataclasses.Field[Any]]:
    """The fields that make a kind, by the names that its constructor and files call them.

    A field whose name is taken by a method says with ``metadata={"called": "loss"}`` what it is called. Those
    that are given by name alone, as a base gives them to all of its family, come last.
    """
    made = sorted((f for f in dataclasses.fields(cls) if f.init), key=lambda f: f.kw_only is True)
    return {f.metadata.get("called", f.name): f for f in made}
