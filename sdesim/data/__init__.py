"""Data sets as arrays, without torch: recipes that know their sizes, and the examples they load."""

from sdesim.data.arrays import Arrays as Arrays
from sdesim.data.base import Base as Base
from sdesim.data.chebyshev import Chebyshev as Chebyshev
from sdesim.data.chebyshev import chebyshev as chebyshev
from sdesim.data.dataset import Dataset as Dataset
from sdesim.data.digits import Digits as Digits
from sdesim.data.digits import digits as digits
from sdesim.data.mnist1d import MNIST1D as MNIST1D
from sdesim.data.mnist1d import mnist1d as mnist1d
from sdesim.data.modular import ModularAddition as ModularAddition
from sdesim.data.modular import modular_addition as modular_addition
from sdesim.data.partition import partition as partition
from sdesim.data.permutations import Permutations as Permutations
from sdesim.data.permutations import permutations as permutations
from sdesim.data.teacher_student import TeacherStudent as TeacherStudent
from sdesim.data.teacher_student import teacher_student as teacher_student

__all__ = [
    "MNIST1D",
    "Arrays",
    "Base",
    "Chebyshev",
    "Dataset",
    "Digits",
    "ModularAddition",
    "Permutations",
    "TeacherStudent",
    "chebyshev",
    "digits",
    "mnist1d",
    "modular_addition",
    "partition",
    "permutations",
    "teacher_student",
]
