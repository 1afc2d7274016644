"""Cross-entropy of class labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from sdesim.kinds import kind
from sdesim.networks.losses.base import Base

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.data import Base as Data
    from sdesim.data import Dataset


@kind("losses", "cross_entropy")
@dataclass(frozen=True)
class CrossEntropy(Base):
    """Mean over the examples of −log softmax(z)_y, of outputs z and class labels y."""

    labels: ClassVar[bool] = True
    targets: ClassVar[bool] = False
    on_surfaces: ClassVar[str] = "cross_entropy"

    def function(self, data: Data | Dataset) -> Callable[..., Tensor]:
        """torch's own."""
        from torch.nn import functional

        return functional.cross_entropy
