# mypy: disable-error-code="no-untyped-def,name-defined"
# ruff: noqa: F821
"""Euler–Maruyama: θ ← θ − ∇L(θ) dt + ΔN(θ)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sdesim.engine.kernels.tangent import step_tangent
from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """x ← x − ∇L dt + ΔN."""
    g = work[0]
    n = noise_at(x, i, m, w, surface, work[1])
    grad(x, surface[0], surface[1], surface[2], g)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] += n[k, lane] - dt * g[k, lane]


def step_separable(x, v, i, j, m, w, surface, p, rate, dt, work, bound):
    """The plain step in one pass; only a number is below the bound."""
    n = coordinate_noise(x, i, m, work[1])
    far = False
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            y = x[k, lane]
            y += n[k, lane] - dt * slope(y, k, surface[0])
            x[k, lane] = y
            far |= not abs(y) < bound
    return far


def step_weighted(x, v, i, j, m, w, surface, p, rate, dt, work):
    """The same; the drift −∇L dt is the weight −dt/n on every example, so one pass over them gives both."""
    g = work[0]
    for e in range(w.shape[0]):
        for lane in range(w.shape[1]):
            w[e, lane] -= dt / w.shape[0]
    weighted_grad(x, w, surface[0], surface[1], surface[2], g)
    n = coordinate_noise(x, i, m, work[1])
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] += n[k, lane] + g[k, lane]


@kind("schemes", "euler-maruyama")
@dataclass(frozen=True)
class EulerMaruyama(Base):
    """θ ← θ − ∇L dt + ΔN.

    It takes every noise. With α-stable noise moments of order ≥ α don't exist and no order is claimed. It
    explodes where ∇L grows faster than linearly and jumps are large: use "tamed-euler" or "implicit-euler".

    Source: G. Maruyama, Rend. Circ. Mat. Palermo 4 (1955); P. Kloeden & E. Platen, Numerical Solution of
    Stochastic Differential Equations (1992), §10.2 (strong order) and §14.1 (weak order).

    Example:
        {kind: euler-maruyama}
    """

    strong_order: ClassVar[Orders] = orders(
        gaussian=1.0, levy=None, multiplicative=0.5, minibatch=0.5, factor=0.5
    )
    weak_order: ClassVar[Orders] = orders(
        gaussian=1.0, levy=None, multiplicative=1.0, minibatch=1.0, factor=1.0
    )
    explicit: ClassVar[bool] = True
    halves: ClassVar[bool] = True
    single: ClassVar[bool] = True

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step; with minibatch noise drift and noise share one pass."""
        return (step_weighted if weighted else step,)

    def separable_step(self) -> Callable[..., Any]:
        """Drift, noise and check in one pass."""
        return step_separable

    def tangent_step(self) -> Callable[..., Any]:
        """That of the plain step."""
        return step_tangent
