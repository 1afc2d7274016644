"""What a law along an axis says of itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.bases import Defaults, default

Array = NDArray[np.float64]


class Base(Defaults):
    """y = A e^{b u(x)}: what a law of one's own inherits, a frozen dataclass with `abscissa`."""

    @default
    def parameter(self) -> str:
        """What b is called."""
        return "slope"

    @default
    def positive(self) -> bool:
        """Whether x must lie above 0."""
        return True

    def abscissa(self, x: Array) -> Array:
        """u(x) (n,), along which log y is a line."""
        raise SdesimError(f"{type(self).__name__} must have abscissa(x)")

    def formula(self, axis: str) -> str:
        """What y is proportional to, as "scale^k"; k stands for b."""
        return f"exp(k u({axis}))"

    def words(self, axis: str) -> str:
        """The same in words, with {} in the place of b."""
        return f"goes as {self.formula(axis)} with k = {{}}"
