"""Hinge losses of several classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Gt

from sdesim.kinds import kind
from sdesim.networks.losses.base import Base

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.data import Base as Data
    from sdesim.data import Dataset


@kind("losses", "hinge")
@dataclass(frozen=True)
class Hinge(Base):
    """Mean over the examples of how far outputs z fall short of a margin m between label y and other classes.

    multi-margin: Σ_{j≠y} max(0, m − z_y + z_j)/K, torch's; crammer-singer: max_{j≠y} max(0, m − z_y + z_j).

    Args:
        margin: m.
        form: which of them.

    Source: Crammer & Singer, J. Mach. Learn. Res. 2 (2001).
    """

    margin: Annotated[float, Gt(0)] = 1.0
    form: Literal["multi-margin", "crammer-singer"] = "multi-margin"

    labels: ClassVar[bool] = True
    targets: ClassVar[bool] = False

    def function(self, data: Data | Dataset) -> Callable[..., Tensor]:
        """A torch module."""
        from sdesim.networks.losses.functions import MultiMargin

        return MultiMargin(self.margin, self.form == "crammer-singer")
