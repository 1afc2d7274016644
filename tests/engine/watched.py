"""A walk without drift, watched by events."""

import sdesim
from sdesim import noise, surfaces


def simulate(*watched, **changes):
    arguments = {"dt": 0.01, "steps": 300, "trajectories": 200, "seed": 3, "progress": False, "theta0": 0.0}
    noises = [noise.Gaussian(diffusion=0.5)]
    return sdesim.simulate(surfaces.Flat(1), noises, events=watched, **(arguments | changes))
