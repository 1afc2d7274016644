"""Observables: numbers made of a state, kept at saved steps beside it or in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.engine.observables.base import Base as Base

_get, __dir__ = public_names(__name__, "observables", {"Base": "base"})


def __getattr__(name: str) -> Any:
    return _get(name)
