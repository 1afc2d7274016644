# mypy: disable-error-code="no-untyped-def,name-defined"
"""Stochastic gradient descent itself: θ ← θ − η g with g = ∇L − ΔN/η, at dt = η."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sdesim.engine.kernels.tangent import step_tangent
from sdesim.engine.schemes import euler_maruyama
from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


@kind("schemes", "sgd")
@dataclass(frozen=True)
class SGD(Base):
    """θ ← θ − η g: the map of plain SGD, which is Euler–Maruyama at dt = η; any other dt is refused.

    With `Minibatch(law="subsample")` g is the gradient over a batch drawn with replacement; without noise it
    is gradient descent. As an approximation of the SDE with noise √(η dt) (g_B − ∇L) it has weak order 1 in η
    (Q. Li, C. Tai & W. E, J. Mach. Learn. Res. 20 (2019)); a strong order has no meaning, as the map is not
    driven by the SDE's path.

    Source: H. Robbins & S. Monro, Ann. Math. Stat. 22 (1951).

    Example:
        {kind: sgd}
    """

    strong_order: ClassVar[Orders] = orders(gaussian=None, levy=None, multiplicative=None, minibatch=None)
    weak_order: ClassVar[Orders] = orders(gaussian=1.0, levy=None, multiplicative=1.0, minibatch=1.0)
    single: ClassVar[bool] = True
    of_a_loss: ClassVar[bool] = True
    steps_by_learning_rate: ClassVar[bool] = True

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step of Euler–Maruyama."""
        return (euler_maruyama.step_weighted if weighted else euler_maruyama.step,)

    def tangent_step(self) -> Callable[..., Any]:
        """That of Euler–Maruyama."""
        return step_tangent
