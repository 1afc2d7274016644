"""What every weighting of training examples offers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Base:
    """With which weight each example is drawn into a batch.

    One of one's own is a frozen dataclass that derives from this and has `of`.
    """

    def misfit(self, outputs: int) -> str:
        """Why it does not suit labels of so many classes; empty where it does."""
        return ""

    def of(self, labels: NDArray[np.int64]) -> NDArray[Any]:
        """Weights (n,), at least 0, of examples with these labels (n,); q is in proportion to them.

        Raises:
            SdesimError: labels that it does not suit.
        """
        raise NotImplementedError(f"{type(self).__name__} needs of()")
