"""How long isotropic stable increments are."""

from __future__ import annotations

import numpy as np

from sdesim.noise.draws import increments
from sdesim.noise.levy.stable import Stable

_MEDIAN_DRAWS = 20_000
_MEDIAN_CHUNK = 500


def median_length(alpha: float, dim: int, eta: float) -> float:
    """Median Euclidean norm of an isotropic stable increment of unit scale over η, from 20,000 draws."""
    kernel = Stable(alpha, 1.0, structure="isotropic").kernel(dim, eta, eta)
    starts = range(0, _MEDIAN_DRAWS, _MEDIAN_CHUNK)
    lengths = [
        np.sqrt((increments(kernel, dim, _MEDIAN_CHUNK, seed=0, first=k)[0] ** 2).sum(axis=1)) for k in starts
    ]
    return float(np.median(np.concatenate(lengths)))
