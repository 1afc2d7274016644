"""Paths of known processes."""

from __future__ import annotations

import numpy as np

from sdesim.fits.transitions import Transitions
from sdesim.kinds import read


def path(model, theta, start, dt, n, seed, series=1):
    """Values (n,) or (n, series) of a model with exact transitions."""
    times = dt * np.arange(n)
    frame = Transitions((times,) * series, (np.r_[start, np.zeros(n - 1)],) * series)
    drawn = frame.simulated(read("fits", model), np.asarray(theta, float), np.random.default_rng(seed)).values
    return drawn[0] if series == 1 else np.stack(drawn, axis=1)
