"""Arrhenius' law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdesim.fits.laws.base import Array, Base
from sdesim.kinds import kind


@kind("laws", "arrhenius")
@dataclass(frozen=True)
class Arrhenius(Base):
    """y = A e^{b/x}: log y is a line in 1/x. Of an exit time along a temperature, b is the barrier.

    Source: S. Arrhenius, Z. Phys. Chem. 4 (1889); H. Kramers, Physica 7 (1940).

    Example:
        {kind: arrhenius}
    """

    @property
    def parameter(self) -> str:
        """barrier."""
        return "barrier"

    def abscissa(self, x: Array) -> Array:
        """1/x."""
        return np.asarray(1.0 / x)

    def formula(self, axis: str) -> str:
        """exp(k/axis)."""
        return f"exp(k/{axis})"
