# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""Drift-implicit Euler: y + dt ∇L(y) = θ + ΔN(θ),  θ ← y.

y is the proximal point of c = θ + ΔN(θ): the stationary point of ½ |y − c|² + dt L(y), which is unique where
dt λ_min(∇²L) > −1. It is found by Newton's method from y = c, each direction by conjugate gradients on
I + dt ∇²L, halved until the residual falls. All lanes of a block go side by side, and a lane that has arrived
is left alone, so that its bits don't depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind


def residual(y, c, dt, surface, r, size):
    """r = y − c + dt ∇L(y) and size (W,) = |r|²."""
    grad(y, surface[0], surface[1], surface[2], r)
    for lane in range(y.shape[1]):
        size[lane] = 0.0
    for k in range(y.shape[0]):
        for lane in range(y.shape[1]):
            r[k, lane] = (y[k, lane] - c[k, lane]) + dt * r[k, lane]
            size[lane] += r[k, lane] * r[k, lane]


def direction(y, r, dt, surface, least, s, q, u, a, rho, curvature):
    """s ≈ −(I + dt ∇²L)⁻¹ r by conjugate gradients, per lane to |remainder|² ≤ least; −r first of all."""
    d, width = y.shape
    for lane in range(width):
        rho[lane] = 0.0
    for k in range(d):
        for lane in range(width):
            s[k, lane] = 0.0
            q[k, lane] = -r[k, lane]
            u[k, lane] = -r[k, lane]
            rho[lane] += r[k, lane] * r[k, lane]
    for round in range(min(d, 100)):
        live = 0
        for lane in range(width):
            live += rho[lane] > least[lane]
        if live == 0:
            return
        hvp(y, u, surface[0], surface[1], surface[2], a)
        for lane in range(width):
            curvature[lane] = 0.0
        for k in range(d):
            for lane in range(width):
                a[k, lane] = u[k, lane] + dt * a[k, lane]
                curvature[lane] += u[k, lane] * a[k, lane]
        for lane in range(width):
            if not rho[lane] > least[lane]:
                continue
            if not curvature[lane] > 0.0:
                # The surface bends down too much here: keep what there is, at first the steepest descent.
                if round == 0:
                    for k in range(d):
                        s[k, lane] = q[k, lane]
                rho[lane] = 0.0
                continue
            length = rho[lane] / curvature[lane]
            square = 0.0
            for k in range(d):
                s[k, lane] += length * u[k, lane]
                q[k, lane] -= length * a[k, lane]
                square += q[k, lane] * q[k, lane]
            ratio = square / rho[lane]
            for k in range(d):
                u[k, lane] = q[k, lane] + ratio * u[k, lane]
            rho[lane] = square


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """Solve y + dt ∇L(y) = x + ΔN(x) and put y in x."""
    c, y, r, s, q, u, a = work[0], work[1], work[2], work[3], work[4], work[5], work[6]
    size, least, rho, curvature, fraction, goal, open_ = (
        work[7, 0], work[8, 0], work[9, 0], work[10, 0], work[11, 0], work[12, 0], work[13, 0],
    )  # fmt: skip
    d, width = x.shape
    n = noise_at(x, i, m, w, surface, c)
    for lane in range(width):
        goal[lane] = 1.0
        open_[lane] = 1.0
    for k in range(d):
        for lane in range(width):
            c[k, lane] = x[k, lane] + n[k, lane]
            x[k, lane] = c[k, lane]
            goal[lane] += c[k, lane] * c[k, lane]
    for lane in range(width):
        goal[lane] *= p[0] * p[0]
    residual(x, c, dt, surface, r, size)
    for _ in range(int(p[1])):
        busy = 0
        for lane in range(width):
            # A lane that is not finite is not "above" either, and stays as it is.
            if not size[lane] > goal[lane]:
                open_[lane] = 0.0
            busy += open_[lane] != 0.0
            least[lane] = 1e-12 * size[lane] if open_[lane] != 0.0 else np.inf
            fraction[lane] = 1.0
        if busy == 0:
            return
        direction(x, r, dt, surface, least, s, q, u, a, rho, curvature)
        for halving in range(40):
            for k in range(d):
                for lane in range(width):
                    y[k, lane] = x[k, lane]
                    if open_[lane] != 0.0:
                        y[k, lane] += fraction[lane] * s[k, lane]
            residual(y, c, dt, surface, q, rho)
            worse = 0
            for lane in range(width):
                if open_[lane] != 0.0 and not rho[lane] < size[lane]:
                    # In the last round nothing helped: the residual is as small as rounding lets it be.
                    fraction[lane] = 0.5 * fraction[lane] if halving < 38 else 0.0
                    worse += 1
            if worse == 0:
                break
        for k in range(d):
            for lane in range(width):
                if open_[lane] != 0.0:
                    x[k, lane] = y[k, lane]
                    r[k, lane] = q[k, lane]
        for lane in range(width):
            if open_[lane] != 0.0:
                size[lane] = rho[lane]
                if fraction[lane] == 0.0:
                    open_[lane] = 0.0


@kind("schemes", "implicit-euler")
@dataclass(frozen=True)
class ImplicitEuler(Base):
    """y + dt ∇L(y) = θ + ΔN(θ), θ ← y: stable at any dt on convex surfaces, however far a jump goes.

    It takes every noise; the noise is explicit (Itô). Orders as Euler–Maruyama, also where ∇L grows faster
    than linearly; no order is claimed under jumps. Needs dt λ_min(∇²L) > −1 for a unique solution; otherwise
    the one that Newton's method reaches is taken.

    Source: P. Kloeden & E. Platen (1992), §12.2; D. Higham, X. Mao & A. Stuart, SIAM J. Numer. Anal. 40
    (2002) for drifts that grow faster than linearly.

    Example:
        {kind: implicit-euler}
    """

    strong_order: ClassVar[Orders] = orders(gaussian=1.0, levy=None, multiplicative=0.5, minibatch=0.5)
    weak_order: ClassVar[Orders] = orders(gaussian=1.0, levy=None, multiplicative=1.0, minibatch=1.0)
    scratch: ClassVar[int] = 14
    needs_hvp: ClassVar[bool] = True

    def params(self, dt: float) -> NDArray[np.float64]:
        """[residual relative to √(1 + |c|²), most Newton steps]."""
        return np.array([1e-12, 200.0])

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step and its parts."""
        return step, residual, direction
