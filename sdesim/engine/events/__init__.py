"""Events: what is watched at every step inside the kernel."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sdesim.engine.events.base import Base as Base
from sdesim.engine.events.base import Bounds as Bounds
from sdesim.kinds.registry import own_kinds

Event = Base


def __getattr__(name: str) -> Any:
    for place in own_kinds()[0].get("events", {}).values():
        if place.class_name == name:
            return getattr(import_module(place.module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *(place.class_name for place in own_kinds()[0].get("events", {}).values())])
