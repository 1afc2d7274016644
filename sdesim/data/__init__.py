"""Data sets as arrays, without torch: recipes that know their sizes, and the examples they load.

Every kind is a name of this package, and so is the function that loads it; `Base` is what one's own inherits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdesim.kinds.bases import public_names

if TYPE_CHECKING:
    from sdesim.data.base import Base as Base
    from sdesim.data.clients import Clients as Clients
    from sdesim.data.dataset import Dataset as Dataset
    from sdesim.data.sets.chebyshev import chebyshev as chebyshev
    from sdesim.data.sets.digits import Digits as Digits
    from sdesim.data.sets.digits import digits as digits
    from sdesim.data.sets.mnist1d import mnist1d as mnist1d
    from sdesim.data.sets.modular_addition import modular_addition as modular_addition
    from sdesim.data.sets.permutations import permutations as permutations
    from sdesim.data.sets.teacher_student import teacher_student as teacher_student
    from sdesim.data.sharing import partition as partition

_HOMES = {
    "Base": "base",
    "Clients": "clients",
    "Dataset": "dataset",
    "partition": "sharing",
}

_get, __dir__ = public_names(__name__, "data", _HOMES)


def __getattr__(name: str) -> Any:
    return _get(name)
