"""What the bases of all families share, and how a family's package finds its public names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sdesim.kinds.registry import own_kinds

if TYPE_CHECKING:
    default = property
else:

    class default:
        """A property of a base that a subclass may have as a field: an instance's own value goes first."""

        def __init__(self, function: Callable[[Any], Any]) -> None:
            self.function, self.__doc__ = function, function.__doc__

        def __get__(self, instance: Any, owner: Any = None) -> Any:
            return self if instance is None else self.function(instance)


class Defaults:
    """A base whose `default` properties a subclass may have as fields, or as properties of its own.

    A dataclass takes an inherited attribute of a field's name for the field's default. Here a field that is
    annotated without a default stays one that must be given.
    """

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        for name, annotation in vars(cls).get("__annotations__", {}).items():
            inherited = isinstance(getattr(cls, name, None), default) and name not in vars(cls)
            if inherited and "ClassVar" not in str(annotation):
                setattr(cls, name, dataclasses.field())


def public_names(
    package: str, family: str, others: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a family's package: names that are imported when asked for.

    The classes of the family's own kinds are found where their decorator stands, so that none is listed
    twice.

    Args:
        package: "sdesim.surfaces".
        family: "surfaces".
        others: name → module inside the package, of what is public and no kind.
    """

    def homes() -> dict[str, str]:
        places = own_kinds()[0].get(family, {}).values()
        kinds = {place.class_name: place.module for place in places if place.module.startswith(package)}
        return {**kinds, **{name: f"{package}.{module}" for name, module in others.items()}}

    def get(name: str) -> Any:
        if name == "__all__":
            return sorted(homes())
        # Other dunder names are Python asking whether there is such a thing.
        home = None if name.startswith("__") else homes().get(name) or _function_home(name)
        found = None if home is None else getattr(import_module(home), name, None)
        if found is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return found

    def _function_home(name: str) -> str | None:
        # The function `digits` stands beside its kind in digits.py.
        places = own_kinds()[0].get(family, {}).values()
        return next((p.module for p in places if p.module.rpartition(".")[2] == name), None)

    return get, lambda: sorted(homes())
