"""Losses of a network's outputs: recipes, of which torch functions and compiled surfaces are made."""

from sdesim.networks.losses.base import Base as Base
from sdesim.networks.losses.cross_entropy import CrossEntropy as CrossEntropy
from sdesim.networks.losses.mixture import Mixture as Mixture
from sdesim.networks.losses.mse import MSE as MSE

__all__ = ["MSE", "Base", "CrossEntropy", "Mixture"]
