"""One run of the double well with all reductions, some trajectories of which leave, and its live states."""

from functools import cache

import numpy as np

import sdesim
from sdesim import events, noise, reductions, surfaces

EDGES = np.array([-1.0, -0.4, 0.0, 0.3, 0.9])
ALL = (
    reductions.Moments(4),
    reductions.Histogram(EDGES),
    reductions.Quantiles([0.1, 0.5, 0.9]),
    reductions.Autocorrelation([10, 30]),
    reductions.Covariance(),
    reductions.Extremes(),
)
CASE = (surfaces.DoubleWell(dim=2), [noise.Gaussian(diffusion=0.1)])
SETTINGS = {"dt": 0.01, "steps": 205, "trajectories": 700, "seed": 3, "save_every": 10, "progress": False}
LEAVING = events.Exit(upper=0.8, coordinate=1, monitoring="discrete")


def walk(**changes):
    given = {"events": LEAVING, "save": "theta", "reduce": ALL, **SETTINGS, **changes}
    return sdesim.simulate(*CASE, **given)


@cache
def run():
    return walk()


def live_states(run):
    """θ (K, S, d), NaN from where a trajectory has ended."""
    theta = np.array(run["theta"].values)
    ended = (run["status"].values != 0)[:, None] & (run["stopped_step"].values[:, None] <= run["step"].values)
    theta[ended] = np.nan
    return theta
