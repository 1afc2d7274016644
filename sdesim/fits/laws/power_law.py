"""A power law."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sdesim.fits.laws.base import Array, Base
from sdesim.kinds import kind


@kind("laws", "power-law")
@dataclass(frozen=True)
class PowerLaw(Base):
    """y = A x^b: log y is a line in log x.

    Example:
        {kind: power-law}
    """

    @property
    def parameter(self) -> str:
        """exponent."""
        return "exponent"

    def abscissa(self, x: Array) -> Array:
        """log x."""
        return np.asarray(np.log(x))

    def formula(self, axis: str) -> str:
        """axis^k."""
        return f"{axis}^k"

    def words(self, axis: str) -> str:
        """In words."""
        return f"goes as {axis} to the power {{}}"
