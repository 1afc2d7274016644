"""Targets that one network is trained on together, each a loss of the same outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.networks.objectives.base import Base as Base
from sdesim.networks.objectives.class_label import ClassLabel as ClassLabel
from sdesim.networks.objectives.parity import Parity as Parity
from sdesim.networks.objectives.uniform import Uniform as Uniform

if TYPE_CHECKING:
    from sdesim.networks.objectives.weighted import Objectives as Objectives

    TARGETS: tuple[str, ...]

__all__ = ["TARGETS", "Base", "ClassLabel", "Objectives", "Parity", "Uniform"]


def __getattr__(name: str) -> Any:
    # The module of torch and the names of all targets, a user's included, only when they are asked for.
    if name == "Objectives":
        from sdesim.networks.objectives.weighted import Objectives

        return Objectives
    if name == "TARGETS":
        from sdesim.kinds import names_of

        return tuple(names_of("objectives"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
