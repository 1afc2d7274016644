"""The label as a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdesim.kinds import kind
from sdesim.networks.objectives.base import Base

if TYPE_CHECKING:
    from torch import Tensor


@kind("objectives", "class")
@dataclass(frozen=True)
class ClassLabel(Base):
    """−log p_y: the label itself."""

    def loss(self, log_p: Tensor, y: Tensor) -> Tensor:
        """Mean over the examples."""
        from torch.nn import functional

        return functional.nll_loss(log_p, y)
