"""Milstein's scheme where the columns of B don't commute, with the Lévy areas left out:

x ← x + f dt + B ΔW + ½ (D[B ΔW] B ΔW − Σ_j D[b_j] b_j dt), the last sum without Stratonovich's sense.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.engine.schemes.milstein import OfEquation
from sdesim.kinds import kind


@kind("schemes", "milstein-without-areas")
@dataclass(frozen=True)
class MilsteinWithoutAreas(Base):
    """Milstein for any B(t, x) dW of an equation's own, its Lévy areas set to 0: for `sdesim.mlmc`.

    Alone it is no better than Euler–Maruyama, of strong order ½ and weak order 1. But the mean of two paths
    whose increments change places in pairs differs from the path of the double step by order 1 and not ½,
    since their areas are opposite: with this coupling, which `mlmc` finds to pay, the variance of a level
    falls like dt² for smooth quantities, and like dt^{3/2} for those with a kink. Derivatives of B are those
    of `milstein`, which it is where the columns commute.

    Source: M. Giles, L. Szpruch, Ann. Appl. Probab. 24 (2014), eq. (2.5).

    Example:
        {kind: milstein-without-areas}
    """

    strong_order: ClassVar[Orders] = orders(factor=None)
    weak_order: ClassVar[Orders] = orders(factor=None)
    exclusive: ClassVar[bool] = True

    def resolved(
        self, surface: Any, noises: Sequence[Any], growth: Callable[[Any], float] | None = None,
        tangent: bool = False,
    ) -> Base:  # fmt: skip
        """The step that fits B of an equation of its own; itself for others, which it does not take."""
        if not getattr(surface, "factors", 0) or surface.constant_factor is not None:
            return self
        structure = surface.structure
        return WithoutAreas("commuting" if structure == "general" else structure, surface.convention)

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """Those of any B, where nobody chooses."""
        return WithoutAreas("commuting", "ito").functions(weighted)


@dataclass(frozen=True)
class WithoutAreas(OfEquation):
    """As `OfEquation`, stepped as if the columns of B commuted."""

    name = "milstein-without-areas"
    strong_order: ClassVar[Orders] = MilsteinWithoutAreas.strong_order
    weak_order: ClassVar[Orders] = MilsteinWithoutAreas.weak_order
