"""One of several objectives that a training mixes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from sdesim.kinds import Misfit, kind, names_of
from sdesim.kinds.spelling import nearest


@kind("settings", "objective")
@dataclass(frozen=True)
class Objective:
    """One of several losses on the same outputs; its share is its weight over the sum of all.

    Args:
        target: a kind of objectives, such as class, parity or uniform.
        weight: not negative.
    """

    target: str
    weight: Annotated[float, Ge(0)]

    def __post_init__(self) -> None:
        known = names_of("objectives")
        if self.target not in known:
            raise Misfit("target", f"found {self.target!r}{nearest(self.target, known)}")
