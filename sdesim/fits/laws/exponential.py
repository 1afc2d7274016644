"""An exponential."""

from __future__ import annotations

from dataclasses import dataclass

from sdesim.fits.laws.base import Array, Base
from sdesim.kinds import kind


@kind("laws", "exponential")
@dataclass(frozen=True)
class Exponential(Base):
    """y = A e^{bx}: log y is a line in x, which may have any sign.

    Example:
        {kind: exponential}
    """

    @property
    def parameter(self) -> str:
        """rate."""
        return "rate"

    @property
    def positive(self) -> bool:
        """False."""
        return False

    def abscissa(self, x: Array) -> Array:
        """x."""
        return x

    def formula(self, axis: str) -> str:
        """exp(k axis)."""
        return f"exp(k {axis})"
