"""What every law of jumps says of itself, and how its compiled draw is found."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.compiled.first_call import first_calls
from sdesim.compiled.sources import is_own
from sdesim.errors import SdesimError
from sdesim.kinds.bases import Defaults, default

KERNELS = "sdesim.noise.jumps.kernels"


class Base(Defaults):
    """What a law of jumps of one's own inherits: a frozen dataclass with `module`, `function` and `params`.

    ``function(u, v, p)`` is compiled (`sdesim.compiled`) and makes one jump of two independent uniforms on
    (0, 1) and the parameters.
    """

    @default
    def module(self) -> str:
        """Dotted name of the module that holds the compiled draw."""
        return KERNELS

    @default
    def function(self) -> str:
        """Name of the compiled draw."""
        raise SdesimError(f"{type(self).__name__} must have function, the name of its compiled draw")

    @default
    def params(self) -> NDArray[np.float64]:
        """Parameters of the draw: none."""
        return np.zeros(0)

    @default
    def mean(self) -> float | None:
        """E J; None where there is none, or it is not known."""
        return None

    @default
    def second_moment(self) -> float | None:
        """E J²; None where there is none, or it is not known."""
        return None

    @default
    def tail_index(self) -> float | None:
        """α < 2 where jumps have infinite variance, else None."""
        return None

    @default
    def spread(self) -> float | None:
        """√E J², or a scale where that is infinite; None where it is not known."""
        return None if self.second_moment is None else math.sqrt(self.second_moment)


def check_draw(law: Any) -> None:
    """Call the compiled draw of a law of others first (`first_calls`), in the middle and in both tails.

    Raises:
        SdesimError: in one line: it takes an index beyond its parameters, writes into them, or gives
            something else when called again.
    """
    if is_own(law.module):
        return
    function = getattr(import_module(law.module), law.function)
    params = np.asarray(law.params, np.float64)
    places = [(u, v, params) for u, v in ((0.5, 0.5), (1e-12, 0.25), (1.0 - 1e-12, 0.75))]
    first_calls(function, f"jumps {type(law).__name__}: {law.function}", places)
