"""Wilson's interval for a share of successes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

Array = NDArray[np.float64]


def wilson(share: ArrayLike, n: ArrayLike, level: float = 0.95) -> tuple[Array, Array]:
    """(low, high) of a binomial share of n trials, element by element.

    (k̂ + z²/2n ± z √(k̂(1 − k̂)/n + z²/4n²)) / (1 + z²/n), k̂ = share. Source: E. B. Wilson, J. Am. Stat. Assoc.
    22 (1927).
    """
    k, size = np.asarray(share, dtype=np.float64), np.asarray(n, dtype=np.float64)
    z = float(ndtri(0.5 + level / 2))
    centre = (k + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * np.sqrt(k * (1 - k) / size + z**2 / (4 * size**2))
    return np.asarray(centre - half), np.asarray(centre + half)
