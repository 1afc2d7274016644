# mypy: disable-error-code="no-untyped-def,name-defined"
# ruff: noqa: F821
"""Tamed Euler: θ ← θ − ∇L dt/(1 + dt |∇L|) + ΔN."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """x ← x − ∇L dt/(1 + dt |∇L|) + ΔN."""
    g = work[0]
    n = noise_at(x, i, m, w, surface, work[1])
    grad(x, surface[0], surface[1], surface[2], g)
    for lane in range(x.shape[1]):
        square = 0.0
        for k in range(x.shape[0]):
            square += g[k, lane] * g[k, lane]
        length = dt / (1.0 + dt * square**0.5)
        for k in range(x.shape[0]):
            x[k, lane] += n[k, lane] - length * g[k, lane]


@kind("schemes", "tamed-euler")
@dataclass(frozen=True)
class TamedEuler(Base):
    """θ ← θ − ∇L dt/(1 + dt |∇L|) + ΔN, for drifts that grow faster than linearly.

    Strong order ½ for one-sided Lipschitz ∇L, 1 for additive noise. No step of the drift is longer than 1, so
    it can't explode, but it returns from a far jump no faster than that. No order is claimed under jumps.

    Source: M. Hutzenthaler, A. Jentzen & P. Kloeden, Ann. Appl. Probab. 22 (2012), eq. (4).

    Example:
        {kind: tamed-euler}
    """

    strong_order: ClassVar[Orders] = orders(
        gaussian=1.0, levy=None, multiplicative=0.5, minibatch=0.5, factor=None
    )
    weak_order: ClassVar[Orders] = orders(
        gaussian=1.0, levy=None, multiplicative=1.0, minibatch=1.0, factor=None
    )
    halves: ClassVar[bool] = True
    single: ClassVar[bool] = True

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step."""
        return (step,)
