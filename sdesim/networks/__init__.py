"""Networks and their losses: recipes that know their sizes, and the torch modules and surfaces of them."""

from sdesim.networks.adopted import adopted as adopted
from sdesim.networks.base import Base as Base
from sdesim.networks.mlp import MLP as MLP

__all__ = ["MLP", "Base", "adopted"]
