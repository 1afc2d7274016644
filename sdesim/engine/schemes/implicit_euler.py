# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""Drift-implicit Euler: y + dt ∇L(y) = θ + ΔN(θ),  θ ← y.

With c = θ + ΔN(θ), F(y) = y − c + dt ∇L(y) and J = I + dt ∇²L, which need not be symmetric (the drift of an
equation of one's own is the gradient of nothing), y is sought by Newton's method from y = c, each direction
by elimination, in many dimensions by GMRES, halved until |F| falls. Where that ends beside a solution (at a
point where J is singular and F is not 0), the path of dy/ds = −F(y) from c is followed in growing steps,
(I/δ + J) Δy = −F (pseudo-transient continuation): of a gradient it falls into a minimum of ½|y − c|² + dt L,
where there is one. Then both begin once more, from θ. What is not found is not handed back: the state is NaN,
and the step says so. The parts that no surface changes are in `sdesim.engine.kernels.newton`.

All lanes of a block go side by side, and a lane that has arrived is left alone, so that its bits don't depend
on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.schemes.base import Base, Orders, orders
from sdesim.kinds import kind

# Up to so many coordinates the Jacobian is written out; beyond, so many vectors make a round of GMRES.
_DENSE, _BASIS = 16, 24
_NEWTON = (
    "begin", "begin_anew", "eliminate", "gmres_end", "gmres_left", "gmres_next", "gmres_room", "gmres_round",
    "gmres_start", "go", "hand_back", "judge", "judge_directions", "look", "settle", "shifted", "square",
    "unit",
)  # fmt: skip


def residual(y, dt, surface, work, r, size):
    """r = y − c + dt ∇L(y) and size (W,) = |r|²."""
    c = work[0]
    grad(y, surface[0], surface[1], surface[2], r)
    for k in range(y.shape[0]):
        for lane in range(y.shape[1]):
            r[k, lane] = (y[k, lane] - c[k, lane]) + dt * r[k, lane]
    square(r, size)


def product(y, u, dt, surface, work, a):
    """a = (1 + 1/δ) u + dt ∇²L(y) u."""
    hvp(y, u, surface[0], surface[1], surface[2], a)
    shifted(u, dt, work, a)


def direction(y, dt, surface, dense, work):
    """s = −(I/δ + J)⁻¹ r: by elimination, or by at most eight rounds of GMRES to a ten-millionth of |r|."""
    d, m = y.shape[0], work.shape[0] - 15
    if d <= dense:
        for j in range(d):
            unit(j, work[4])
            product(y, work[4], dt, surface, work, work[14 + j])
        eliminate(work)
        return
    gmres = gmres_room(m, y.shape[1])
    gmres_start(work, gmres)
    for _ in range(8):
        if gmres_round(work, gmres) == 0:
            return
        for j in range(m):
            product(y, work[14 + j], dt, surface, work, work[14 + j + 1])
            if gmres_next(work, gmres, j) == 0:
                break
        gmres_end(work, gmres)
        product(y, work[3], dt, surface, work, work[4])
        gmres_left(work)


def step(x, v, i, j, m, w, surface, p, rate, dt, work):
    """Solve y + dt ∇L(y) = x + ΔN(x) and put y in x; NaN, and work[0, 0] = 1, in lanes where that failed."""
    n = noise_at(x, i, m, w, surface, work[3])
    begin(x, n, p[0], work)
    later(surface, dt)
    residual(x, dt, surface, work, work[2], work[5, 0])
    for _ in range(int(p[1])):
        if look(work) == 0:
            break
        direction(x, dt, surface, p[2], work)
        judge_directions(x, work)
        for halving in range(41):
            go(x, work)
            residual(work[1], dt, surface, work, work[4], work[6, 0])
            if judge(work, halving) == 0:
                break
        if settle(x, work) > 0:
            residual(x, dt, surface, work, work[4], work[6, 0])
            begin_anew(work)
    hand_back(x, work)


@kind("schemes", "implicit-euler")
@dataclass(frozen=True)
class ImplicitEuler(Base):
    """y + dt ∇L(y) = θ + ΔN(θ), θ ← y: stable at any dt on convex surfaces, however far a jump goes.

    It takes every noise; the noise is explicit (Itô). Orders as Euler–Maruyama, also where ∇L grows faster
    than linearly; no order is claimed under jumps. It assumes nothing of the drift but a derivative: neither
    a loss behind it nor a symmetric Jacobian. Needs dt λ_min(∇²L) > −1 for a unique solution; otherwise the
    one that the search reaches is taken. A step whose equation was not solved to 1e-12 (or to rounding) ends
    its trajectory: NaN from there on, status 3, counted in `unsolved_steps`.

    Source: P. Kloeden & E. Platen (1992), §12.2; D. Higham, X. Mao & A. Stuart, SIAM J. Numer. Anal. 40
    (2002) for drifts that grow faster than linearly; Y. Saad & M. Schultz, SIAM J. Sci. Stat. Comput. 7
    (1986) for GMRES; C. Kelley & D. Keyes, SIAM J. Numer. Anal. 35 (1998) for the continuation.

    Example:
        {kind: implicit-euler}
    """

    strong_order: ClassVar[Orders] = orders(
        gaussian=1.0, levy=None, multiplicative=0.5, minibatch=0.5, factor=None
    )
    weak_order: ClassVar[Orders] = orders(
        gaussian=1.0, levy=None, multiplicative=1.0, minibatch=1.0, factor=None
    )
    needs_hvp: ClassVar[bool] = True
    solves: ClassVar[bool] = True
    imported: ClassVar[Mapping[str, str]] = dict.fromkeys(_NEWTON, "sdesim.engine.kernels.newton")

    def params(self, dt: float) -> NDArray[np.float64]:
        """[residual relative to √(1 + |c|²), most rounds, most coordinates with a written-out Jacobian]."""
        return np.array([1e-12, 1000.0, float(_DENSE)])

    def work_arrays(self, dim: int) -> int:
        """14 of the search, and the Jacobian or the basis of GMRES."""
        return 14 + (dim if dim <= _DENSE else _BASIS + 1)

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step and its parts."""
        return step, direction, product, residual
