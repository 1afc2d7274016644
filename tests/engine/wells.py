"""Surfaces that the parts of a simulation are fitted to."""

from sdesim import surfaces

WELL, BOWL = surfaces.DoubleWell(), surfaces.Quadratic([1.0, 2.0])
