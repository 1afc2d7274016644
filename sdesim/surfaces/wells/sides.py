"""On which side of a barrier a coordinate is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdesim.kinds.numbers import Array


def side(x: Array, top: float) -> NDArray[np.int64]:
    """0 where x < top, 1 where x ≥ top, −1 where x is NaN: (…) → (…)."""
    return np.where(np.isnan(x), -1, (x >= top).astype(np.int64)).astype(np.int64)
