# mypy: disable-error-code="no-untyped-def,name-defined"
# ruff: noqa: F821
"""Milstein: θ ← θ − ∇L dt + θ ΔM + ½ θ (ΔM² − Σs² dt) for multiplicative noise dM = Σ s dW."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """x ← x − ∇L dt + x ΔM + ½ x (ΔM² − Σs² dt), or + ΔN where the noise is additive."""
    g = work[0]
    grad(x, surface[0], surface[1], surface[2], g)
    for k in range(x.shape[0]):
        root = (rate[k] * dt) ** 0.5 if rate.shape[0] > 0 else 0.0
        for lane in range(x.shape[1]):
            if rate.shape[0] > 0:
                dm = m[k, lane]
                # ΔM² − Σs² dt as a product: of two products in a sum the compiler may fuse either one.
                n = x[k, lane] * (dm + 0.5 * ((dm - root) * (dm + root)))
            else:
                n = i[k, lane]
            x[k, lane] += n - dt * g[k, lane]


@kind("schemes", "milstein")
@dataclass(frozen=True)
class Milstein(Base):
    """θ ← θ − ∇L dt + θ ΔM + ½ θ (ΔM² − Σs² dt): strong order 1 for multiplicative noise.

    With additive Gaussian noise alone it is Euler–Maruyama. Additive and multiplicative noise together don't
    commute, and without their Lévy area the order would drop to ½: refused. Itô's formula behind the
    correction is that of Brownian motion: jumps are refused.

    Source: G. Milstein, Theory Probab. Appl. 19 (1975); P. Kloeden & E. Platen (1992), §10.3, eq. (3.1).

    Example:
        {kind: milstein}
    """

    strong_order: ClassVar[Orders] = orders(gaussian=1.0, multiplicative=1.0)
    weak_order: ClassVar[Orders] = orders(gaussian=1.0, multiplicative=1.0)
    converts: ClassVar[bool] = True
    halves: ClassVar[bool] = True
    single: ClassVar[bool] = True
    scratch: ClassVar[int] = 1
    exclusive: ClassVar[bool] = True

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step."""
        return (step,)
