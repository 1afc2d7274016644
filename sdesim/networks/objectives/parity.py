"""Whether the label is even as a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdesim.kinds import kind
from sdesim.networks.objectives.base import Base

if TYPE_CHECKING:
    from torch import Tensor


@kind("objectives", "parity")
@dataclass(frozen=True)
class Parity(Base):
    """−log of the sum of p over the classes that are even or odd as y is."""

    def loss(self, log_p: Tensor, y: Tensor) -> Tensor:
        """Mean over the examples."""
        import torch

        other = (torch.arange(log_p.shape[-1]) - y.unsqueeze(-1)) % 2 == 1
        return -log_p.masked_fill(other, -torch.inf).logsumexp(dim=-1).mean()
