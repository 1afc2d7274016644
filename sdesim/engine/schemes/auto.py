"""A scheme chosen by the equation and its noise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.engine.schemes.euler_maruyama import EulerMaruyama
from sdesim.engine.schemes.heun import Heun
from sdesim.engine.schemes.tamed_euler import TamedEuler
from sdesim.kinds import kind

# A loss that grows faster than this has a gradient that grows faster than linearly; powers that are read off
# a gradient lie within 0.05 of the true ones.
_QUADRATIC = 2.05


@kind("schemes", "auto")
@dataclass(frozen=True)
class Auto(Base):
    """Euler–Maruyama, but tamed Euler where it would explode and Heun where the noise is Stratonovich's.

    Tamed Euler is taken where the noise has jumps without a variance and ∇L grows faster than linearly, as
    the surface says or as its gradient far out shows. Where a tangent vector goes along it is Euler–Maruyama.
    The run's attribute `scheme` is the scheme that was taken.

    Example:
        {kind: auto}
    """

    # What it chooses has orders of its own.
    strong_order: ClassVar[Orders] = orders(
        gaussian=None, levy=None, multiplicative=None, minibatch=None, factor=None
    )
    weak_order: ClassVar[Orders] = strong_order
    single: ClassVar[bool] = True
    chooses: ClassVar[bool] = True

    def resolved(
        self, surface: Any, noises: Sequence[Any], growth: Callable[[Any], float] | None = None,
        tangent: bool = False,
    ) -> Base:  # fmt: skip
        """Euler–Maruyama, tamed Euler or Heun.

        Args:
            growth: reads how fast the loss grows; None: without a look at its gradient.
        """
        stratonovich = getattr(surface, "convention", "ito") == "stratonovich"
        if stratonovich and surface.factors and not surface.additive:
            return Heun()
        jumps = any(getattr(noise, "tail_index", None) is not None for noise in noises)
        if jumps and not tangent and growth is not None and growth(surface) > _QUADRATIC:
            return TamedEuler()
        return EulerMaruyama()

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """Those of Euler–Maruyama, where nobody chooses."""
        return EulerMaruyama().functions(weighted)

    def tangent_step(self) -> Callable[..., Any]:
        """That of Euler–Maruyama."""
        return EulerMaruyama().tangent_step()
