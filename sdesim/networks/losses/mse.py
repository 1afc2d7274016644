"""Mean squared error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sdesim.kinds import kind
from sdesim.networks.losses.base import Base

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.data import Base as Data
    from sdesim.data import Dataset


@kind("losses", "mse")
@dataclass(frozen=True)
class MSE(Base):
    """Mean over examples and outputs of (z − y)², of outputs z and targets y; labels are one-hot codes.

    There is no factor ½.
    """

    labels: ClassVar[bool] = True
    targets: ClassVar[bool] = True
    on_surfaces: ClassVar[str] = "mse"

    def function(self, data: Data | Dataset) -> Callable[..., Tensor]:
        """torch's own for targets, `one_hot_mse` for labels."""
        from torch.nn import functional

        from sdesim.networks.fully_connected import one_hot_mse

        return one_hot_mse if data.labelled else functional.mse_loss

    def answers(self, y: Any, outputs: int) -> Any:
        """Targets as they are, labels as one-hot codes (n, outputs)."""
        found = np.asarray(y)
        return np.eye(outputs)[found] if found.ndim == 1 else found
