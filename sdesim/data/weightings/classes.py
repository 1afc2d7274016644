"""A weight for the examples of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, MinLen
from numpy.typing import NDArray

from sdesim.data.weightings.base import Base
from sdesim.errors import RunError
from sdesim.kinds import Misfit, kind


@kind("weightings", "classes")
@dataclass(frozen=True)
class Classes(Base):
    """Each example is drawn with the weight of its class.

    What is descended is Σ w_y ℓ / Σ w_y over all examples, as by a loss with these class weights.

    Args:
        weights: of classes 0, 1, …, one for each and not all 0; examples of weight 0 are left out.

    Example:
        {kind: classes, weights: [1, 1, 5]}
    """

    weights: Annotated[tuple[Annotated[float, Ge(0)], ...], MinLen(1)]

    def __post_init__(self) -> None:
        if not any(self.weights):
            raise Misfit("weights", "found only 0, allowed: at least one weight above 0")

    def misfit(self, outputs: int) -> str:
        """A weight for each class."""
        if len(self.weights) == outputs:
            return ""
        return f"found {len(self.weights)} weights, allowed: {outputs}, one for each class"

    def of(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weights (n,)."""
        if labels.min(initial=0) < 0 or labels.max(initial=0) >= len(self.weights):
            wrong = labels[(labels < 0) | (labels >= len(self.weights))][0]
            raise RunError(f"weights: found the label {wrong}, allowed: one of {len(self.weights)} classes")
        return np.asarray(self.weights, dtype=np.float64)[labels]
