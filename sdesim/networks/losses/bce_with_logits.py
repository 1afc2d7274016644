"""Binary cross-entropy of yes or no."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sdesim.kinds import kind
from sdesim.networks.losses.base import Base, loaded

if TYPE_CHECKING:
    from torch import Tensor

    from sdesim.data import Base as Data
    from sdesim.data import Dataset


@kind("losses", "bce_with_logits")
@dataclass(frozen=True)
class BCEWithLogits(Base):
    """Mean over examples and outputs of −y log σ(z) − (1 − y) log(1 − σ(z)), of outputs z and answers y.

    Of labels 0 and 1 the network has one output; of targets, each 0 or 1, one for each of them.
    """

    labels: ClassVar[bool] = True
    targets: ClassVar[bool] = True

    def outputs(self, data: Data | Dataset) -> int:
        """One for labels."""
        return 1 if data.labelled else data.outputs

    def misfit(self, data: Data | Dataset) -> str:
        """Two classes, or targets of 0 and 1; these are loaded."""
        text = super().misfit(data)
        if text:
            return text
        if data.labelled:
            classes = data.outputs
            return "" if classes <= 2 else f"bce_with_logits is of 2 classes, these data have {classes}"
        held = loaded(data)
        y = np.concatenate([held.y_train.ravel(), held.y_test.ravel()])
        other = y[(y != 0) & (y != 1)]
        return f"found a target {other[0]:g}, allowed: 0 and 1" if len(other) else ""

    def function(self, data: Data | Dataset) -> Callable[..., Tensor]:
        """A torch module."""
        from sdesim.networks.losses.functions import BinaryCrossEntropy

        return BinaryCrossEntropy()
