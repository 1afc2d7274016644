# mypy: disable-error-code="no-untyped-def,name-defined"
# ruff: noqa: F821
"""BAOAB for underdamped Langevin dynamics dθ = v dt, dv = −∇L dt − γ v dt + √(2γD) dW.

B: v ← v − ½ dt ∇L(θ);  A: θ ← θ + ½ dt v;  O: v ← e^{−γ dt} v + √(D (1 − e^{−2γ dt})) ξ;  then A and B.
The last B of a step and the first of the next use the same gradient, so the state v that is carried lacks the
last half kick, and a step begins with a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Gt
from numpy.typing import NDArray

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """v ← v − dt ∇L;  x ← x + ½ dt v;  v ← p₁ (p₀ v + ΔN);  x ← x + ½ dt v.

    No sum of two products: the compiler may fuse either one, and does so differently in wide blocks.
    """
    g = work[0]
    grad(x, surface[0], surface[1], surface[2], g)
    half = 0.5 * dt
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            before = v[k, lane] - dt * g[k, lane]
            after = p[1] * (p[0] * before + i[k, lane])
            x[k, lane] += half * (before + after)
            v[k, lane] = after


def prepare(x, v, surface, dt, work):
    """Velocity 0 at the start: its half kick is still to come, so v = ½ dt ∇L(x)."""
    g = work[0]
    grad(x, surface[0], surface[1], surface[2], g)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            v[k, lane] = 0.5 * dt * g[k, lane]


@kind("schemes", "baoab")
@dataclass(frozen=True)
class BAOAB(Base):
    """Underdamped Langevin dynamics of unit mass and friction γ, started at rest; θ is what is recorded.

    `Gaussian(diffusion=D)` sets the temperature D: for scalar D the stationary density of θ is
    exp(−L/D), as in the overdamped equation, which it follows in time t/γ for large γ. Strong order 1; weak
    order 2, also of the stationary law. It takes additive Gaussian noise only: for others the exact
    Ornstein–Uhlenbeck part is another law.

    Args:
        friction: γ > 0, per unit of time.

    Source: B. Leimkuhler & C. Matthews, Appl. Math. Res. eXpress 2013 (2013) 34–56, §2.

    Example:
        {kind: baoab, friction: 1.0}
    """

    friction: Annotated[float, Gt(0)] = 1.0

    strong_order: ClassVar[Orders] = orders(gaussian=1.0)
    weak_order: ClassVar[Orders] = orders(gaussian=2.0)
    single: ClassVar[bool] = True
    of_a_loss: ClassVar[bool] = True
    velocity: ClassVar[bool] = True
    scratch: ClassVar[int] = 1

    def params(self, dt: float) -> NDArray[np.float64]:
        """[e^{−γ dt}/p₁, p₁ = √((1 − e^{−2γ dt})/(2 dt))]: √(2D dt) ξ becomes √(D (1 − e^{−2γ dt})) ξ."""
        scale = np.sqrt(-np.expm1(-2.0 * self.friction * dt) / (2.0 * dt))
        return np.array([np.exp(-self.friction * dt) / scale, scale])

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step and the velocity at the start."""
        return step, prepare
