# mypy: disable-error-code="no-untyped-def,name-defined"
# ruff: noqa: F821
"""SRA1 of Rößler for additive noise: y = θ + ¾ a(θ) dt + (3/2) ΔZ/dt,  θ ← θ + (⅓ a(θ) + ⅔ a(y)) dt + ΔN.

ΔZ = ∫∫ dN ds over the step; with ΔN and an independent ΔN′ of the same law, ΔZ = ½ dt (ΔN + ΔN′/√3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind

_ROOT_3 = 3.0**-0.5


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """x ← x + (⅓ a(x) + ⅔ a(y)) dt + ΔN, y = x + ¾ (a(x) dt + ΔN + ΔN′/√3), a = −∇L."""
    g, y, h = work[0], work[1], work[2]
    grad(x, surface[0], surface[1], surface[2], g)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            y[k, lane] = x[k, lane] + 0.75 * (i[k, lane] + p[0] * j[k, lane] - dt * g[k, lane])
    later(surface, 0.75 * dt)
    grad(y, surface[0], surface[1], surface[2], h)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] += i[k, lane] - (dt / 3.0) * (g[k, lane] + 2.0 * h[k, lane])


@kind("schemes", "sra1")
@dataclass(frozen=True)
class SRA1(Base):
    """Strong order 1.5 and weak order 2 for additive Gaussian noise; two gradients a step.

    The order rests on the double integral of Brownian motion: multiplicative and minibatch noise and jumps
    are refused. θ itself gets the increments of "euler-maruyama" at the same seed.

    Source: A. Rößler, SIAM J. Numer. Anal. 48 (2010) 922–952, scheme SRA1 (for constant diffusion).

    Example:
        {kind: sra1}
    """

    strong_order: ClassVar[Orders] = orders(gaussian=1.5)
    weak_order: ClassVar[Orders] = orders(gaussian=2.0)
    single: ClassVar[bool] = True
    auxiliary: ClassVar[bool] = True
    scratch: ClassVar[int] = 3

    def params(self, dt: float) -> NDArray[np.float64]:
        """[1/√3]."""
        return np.array([_ROOT_3])

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step."""
        return (step,)
