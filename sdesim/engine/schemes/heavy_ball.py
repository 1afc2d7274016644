# mypy: disable-error-code="no-untyped-def,name-defined"
# ruff: noqa: F821
"""SGD with momentum: v ← β v + g,  θ ← θ − dt v, or − dt (g + β v) (Nesterov), g = ∇L − ΔN/dt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Lt
from numpy.typing import NDArray

from sdesim.engine.kernels.tangent import step_tangent_momentum
from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """v ← β v + g,  x ← x − dt (g + β u), u = v before or (Nesterov) after, g = ∇L − ΔN/dt.

    No sum of two products: the compiler may fuse either one, and does so differently in wide blocks.
    """
    g = work[0]
    grad(x, surface[0], surface[1], surface[2], g)
    n = noise_at(x, i, m, w, surface, work[1])
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            gradient = g[k, lane] - n[k, lane] / dt
            before = v[k, lane]
            after = gradient + p[0] * before
            v[k, lane] = after
            x[k, lane] -= dt * (gradient + p[0] * (after if p[1] != 0.0 else before))


@kind("schemes", "heavy-ball")
@dataclass(frozen=True)
class HeavyBall(Base):
    """v ← β v + g, θ ← θ − dt v: the map of SGD with momentum at learning rate dt.

    It takes every noise: at dt = η and with `Minibatch(law="subsample")` it is momentum SGD itself. It is a
    map of its own, not an approximation of the overdamped equation at step dt: for small dt and β < 1 every
    push of gradient and noise ends up 1/(1 − β) times as long, so it follows
    dθ = −∇L/(1 − β) dt + dN(θ)/(1 − β) (Itô), with weak order 1. In time τ = t/(1 − β) that is the overdamped
    equation with the diffusion D/(1 − β), and stable noise of the scale σ (1 − β)^{1/α − 1}.

    Args:
        momentum: β in [0, 1).
        nesterov: use the look-ahead form.

    Source: B. Polyak, USSR Comput. Math. Math. Phys. 4 (1964); I. Sutskever et al., ICML (2013) for the
    Nesterov form; v starts at 0 and β multiplies it as in `torch.optim.SGD` (dampening 0).

    Example:
        {kind: heavy-ball, momentum: 0.9}
    """

    momentum: Annotated[float, Ge(0), Lt(1)] = 0.9
    nesterov: bool = False

    strong_order: ClassVar[Orders] = orders(gaussian=None, levy=None, multiplicative=None, minibatch=None)
    weak_order: ClassVar[Orders] = orders(gaussian=1.0, levy=None, multiplicative=1.0, minibatch=1.0)
    single: ClassVar[bool] = True
    of_a_loss: ClassVar[bool] = True
    velocity: ClassVar[bool] = True

    def params(self, dt: float) -> NDArray[np.float64]:
        """[β, 1 for the Nesterov form or 0]."""
        return np.array([self.momentum, float(self.nesterov)])

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step."""
        return (step,)

    def tangent_step(self) -> Callable[..., Any]:
        """That of momentum, with a tangent of the velocity."""
        return step_tangent_momentum
