"""Small data sets as arrays, without torch."""

from sdesim.data.dataset import Dataset as Dataset
from sdesim.data.digits import digits as digits
from sdesim.data.modular import modular_addition as modular_addition

__all__ = ["Dataset", "digits", "modular_addition"]
