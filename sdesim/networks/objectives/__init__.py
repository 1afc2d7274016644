"""Targets that one network is trained on together, each a loss of the same outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.networks.objectives.base import Base as Base
    from sdesim.networks.objectives.class_label import ClassLabel as ClassLabel
    from sdesim.networks.objectives.parity import Parity as Parity
    from sdesim.networks.objectives.share import Objective as Objective
    from sdesim.networks.objectives.uniform import Uniform as Uniform
    from sdesim.networks.objectives.weighted import Objectives as Objectives

    TARGETS: tuple[str, ...]

_HOMES = {"Base": "base", "Objective": "share", "Objectives": "weighted"}

_get, __dir__ = public_names(__name__, "objectives", _HOMES)


def __getattr__(name: str) -> Any:
    if name == "TARGETS":
        # The names of all targets, a user's included, when they are asked for.
        from sdesim.kinds import names_of

        return tuple(names_of("objectives"))
    return _get(name)
