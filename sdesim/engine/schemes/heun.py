# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""Stochastic Heun: y = θ + a(θ) dt + ΔN(θ),  θ ← θ + ½ (a(θ) + a(y)) dt + ½ (ΔN(θ) + ΔN(y)).

The scheme converges to the Stratonovich solution. Multiplicative noise s θ dW is meant in the sense of Itô
here, so the drift is a = −∇L − ½ s² θ, whose Stratonovich solution is the same process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


def drift(x, surface, rate, out):
    """out = a(x) = −∇L − ½ Σs² x."""
    grad(x, surface[0], surface[1], surface[2], out)
    for k in range(x.shape[0]):
        half = 0.5 * rate[k] if rate.shape[0] > 0 else 0.0
        for lane in range(x.shape[1]):
            out[k, lane] = -out[k, lane] - half * x[k, lane]


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """x ← x + ½ (a(x) + a(y)) dt + ½ (ΔN(x) + ΔN(y)), y the Euler step."""
    a, b, y = work[0], work[1], work[2]
    drift(x, surface, rate, a)
    n = noise_at(x, i, m, w, surface, work[3])
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            y[k, lane] = x[k, lane] + (n[k, lane] + dt * a[k, lane])
    later(surface, dt)
    drift(y, surface, rate, b)
    o = noise_at(y, i, m, w, surface, work[4])
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            # One product, and halves are exact: no sum of two that may be fused one way or the other.
            x[k, lane] += 0.5 * (n[k, lane] + o[k, lane] + dt * (a[k, lane] + b[k, lane]))


@kind("schemes", "heun")
@dataclass(frozen=True)
class Heun(Base):
    """θ ← θ + ½ (a(θ) + a(y)) dt + ½ (ΔN(θ) + ΔN(y)), y the Euler step; two gradients a step.

    Strong order 1 and, for additive Gaussian noise, weak order 2. It takes multiplicative noise (Itô; the
    drift is converted) and refuses minibatch noise, whose conversion needs third derivatives. Additive and
    multiplicative noise together don't commute: strong order ½ then. B(t, x) dW of an equation of its own it
    reads in the sense of Stratonovich: order 1 where the columns of B commute, else ½. Under jumps
    the predictor only averages the drift before and after the jump: no order is claimed.

    Source: W. Rümelin, SIAM J. Numer. Anal. 19 (1982); P. Kloeden & E. Platen (1992), §4.9 (conversion) and
    §10.3 (order 1 for commutative noise).

    Example:
        {kind: heun}
    """

    strong_order: ClassVar[Orders] = orders(
        gaussian=1.0, levy=None, multiplicative=1.0, factor=0.5, commuting=1.0
    )
    weak_order: ClassVar[Orders] = orders(
        gaussian=2.0, levy=None, multiplicative=1.0, factor=1.0, commuting=1.0
    )
    reads: ClassVar[str] = "stratonovich"
    converts: ClassVar[bool] = True
    explicit: ClassVar[bool] = True
    halves: ClassVar[bool] = True
    single: ClassVar[bool] = True
    scratch: ClassVar[int] = 5

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step and the drift that it uses."""
        return step, drift
