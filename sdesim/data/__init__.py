"""Small data sets as arrays, without torch."""

from sdesim.data.dataset import Dataset as Dataset
from sdesim.data.digits import digits as digits
from sdesim.data.mnist1d import mnist1d as mnist1d
from sdesim.data.modular import modular_addition as modular_addition
from sdesim.data.partition import partition as partition
from sdesim.data.permutations import permutations as permutations
from sdesim.data.synthetic import chebyshev as chebyshev
from sdesim.data.synthetic import teacher_student as teacher_student

__all__ = [
    "Dataset",
    "chebyshev",
    "digits",
    "mnist1d",
    "modular_addition",
    "partition",
    "permutations",
    "teacher_student",
]
