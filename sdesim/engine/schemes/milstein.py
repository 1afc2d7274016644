# mypy: disable-error-code="no-untyped-def,no-untyped-call,name-defined"
# ruff: noqa: F821
"""Milstein: θ ← θ − ∇L dt + θ ΔM + ½ θ (ΔM² − Σs² dt) for multiplicative noise dM = Σ s dW.

For B(t, x) dW of an equation of its own, whose columns b_j commute:
x ← x + f dt + B ΔW + ½ (D[B ΔW] B ΔW − Σ_j D[b_j] b_j dt), without the last sum in the sense of Stratonovich,
D[u] v the derivative of u(x) along v, by central differences.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.schemes import euler_maruyama
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


def step_diagonal(x, v, i, j, m, w, surface, p, rate, dt, work):
    """x_k ← x_k + f_k dt + b_k ΔW_k + ½ b_k b_k′ (ΔW_k² − p₀ dt), b_k of x_k alone.

    Products stand in loops of their own: of two in a sum the compiler may fuse either one.
    """
    g, n, b, q, ahead, behind = work[0], work[1], work[2], work[3], work[4], work[5]
    root = (p[0] * dt) ** 0.5
    grad(x, surface[0], surface[1], surface[2], g)
    factor(x, w, surface[0], surface[1], surface[2], n)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            q[k, lane] = 0.5 * ((w[k, lane] - root) * (w[k, lane] + root))
            # B's own numbers from here on.
            w[k, lane] = 1.0
            far = p[1] * (1.0 + abs(x[k, lane]))
            ahead[k, lane] = x[k, lane] + far
            behind[k, lane] = x[k, lane] - far
    factor(x, w, surface[0], surface[1], surface[2], b)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            b[k, lane] = b[k, lane] * q[k, lane] / (ahead[k, lane] - behind[k, lane])
    factor(ahead, w, surface[0], surface[1], surface[2], q)
    factor(behind, w, surface[0], surface[1], surface[2], ahead)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            n[k, lane] += b[k, lane] * (q[k, lane] - ahead[k, lane])
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] += n[k, lane] - dt * g[k, lane]


def bend(x, w, u, surface, p, weight, work, out):
    """out += weight D[B w] u, u = B w: central differences over p₁ (1 + |x|) along u."""
    ahead, behind, size, length = work[4], work[5], work[6], work[7]
    for lane in range(x.shape[1]):
        size[0, lane] = 0.0
        length[0, lane] = 0.0
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            size[0, lane] += x[k, lane] * x[k, lane]
            length[0, lane] += u[k, lane] * u[k, lane]
    for lane in range(x.shape[1]):
        far = p[1] * (1.0 + size[0, lane] ** 0.5)
        # Along nothing there is no derivative: any number that keeps it 0.
        size[0, lane] = far / length[0, lane] ** 0.5 if length[0, lane] > 0.0 else 1.0
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            ahead[k, lane] = x[k, lane] + size[0, lane] * u[k, lane]
            behind[k, lane] = x[k, lane] - size[0, lane] * u[k, lane]
    factor(ahead, w, surface[0], surface[1], surface[2], work[7])
    factor(behind, w, surface[0], surface[1], surface[2], ahead)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            out[k, lane] += (0.5 * weight) * ((work[7, k, lane] - ahead[k, lane]) / size[0, lane])


def step_commuting(x, v, i, j, m, w, surface, p, rate, dt, work):
    """x ← x + f dt + B ΔW + ½ (D[B ΔW] B ΔW − p₀ dt Σ_j D[b_j] b_j)."""
    g, n, more, u = work[0], work[1], work[2], work[3]
    grad(x, surface[0], surface[1], surface[2], g)
    factor(x, w, surface[0], surface[1], surface[2], n)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            more[k, lane] = 0.0
    bend(x, w, n, surface, p, 0.5, work, more)
    if p[0] > 0.0:
        for column in range(w.shape[0]):
            for c in range(w.shape[0]):
                for lane in range(x.shape[1]):
                    w[c, lane] = 1.0 if c == column else 0.0
            factor(x, w, surface[0], surface[1], surface[2], u)
            bend(x, w, u, surface, p, -0.5 * dt, work, more)
    for k in range(x.shape[0]):
        for lane in range(x.shape[1]):
            x[k, lane] += n[k, lane] + more[k, lane] - dt * g[k, lane]


@kind("schemes", "milstein")
@dataclass(frozen=True)
class Milstein(Base):
    """θ ← θ − ∇L dt + θ ΔM + ½ θ (ΔM² − Σs² dt): strong order 1 for multiplicative noise.

    With additive Gaussian noise alone it is Euler–Maruyama. Additive and multiplicative noise together don't
    commute, and without their Lévy area the order would drop to ½: refused. Itô's formula behind the
    correction is that of Brownian motion: jumps are refused.

    It takes B(t, x) dW of an equation of its own, Itô's or Stratonovich's, where its columns commute: a
    Wiener process for each coordinate that it alone scales (B is looked at four times a step), or
    Σ_l (B_li ∂_l B_kj − B_lj ∂_l B_ki) = 0 for all i, j, k (3 + 3k looks). `SDE` finds out by differences
    at the start and eight states beside it; where they don't commute it is refused. Derivatives of B are
    central differences over 6·10⁻⁶ (1 + |x|): off by about 10⁻¹⁰ of those of a smooth B of moderate scale;
    within that distance of a point without a derivative, as √x has at 0, the correction is too small. Order
    1 asks for derivatives: where x reaches 0 the square root of `CoxIngersollRoss` has less.

    Source: G. Milstein, Theory Probab. Appl. 19 (1975); P. Kloeden & E. Platen (1992), §10.3, eqs. (3.1),
    (3.12) and (3.16).

    Example:
        {kind: milstein}
    """

    strong_order: ClassVar[Orders] = orders(gaussian=1.0, multiplicative=1.0, commuting=1.0)
    weak_order: ClassVar[Orders] = orders(gaussian=1.0, multiplicative=1.0, commuting=1.0)
    converts: ClassVar[bool] = True
    halves: ClassVar[bool] = True
    single: ClassVar[bool] = True
    scratch: ClassVar[int] = 1
    exclusive: ClassVar[bool] = True

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step."""
        return (step,)

    def resolved(
        self, surface: Any, noises: Sequence[Any], growth: Callable[[Any], float] | None = None,
        tangent: bool = False,
    ) -> Base:  # fmt: skip
        """The step that fits B of an equation of its own; itself for others."""
        if not getattr(surface, "factors", 0) or surface.constant_factor is not None:
            return self
        return OfEquation(surface.structure, surface.convention)


@dataclass(frozen=True)
class OfEquation(Base):
    """Milstein for B(t, x) dW of an equation of its own.

    Attributes:
        structure: of B, as the equation says.
        convention: how B dW is meant.
    """

    structure: str
    convention: str

    name = "milstein"
    strong_order: ClassVar[Orders] = Milstein.strong_order
    weak_order: ClassVar[Orders] = Milstein.weak_order

    @property
    def reads(self) -> str:  # type: ignore[override]
        """Either way."""
        return self.convention

    @property
    def exclusive(self) -> bool:  # type: ignore[override]
        """Whether further noises would not commute with B dW."""
        return self.structure != "additive"

    def params(self, dt: float) -> NDArray[np.float64]:
        """[1 where the equation is Itô's, how far apart differences are taken]."""
        # The cube root of the rounding unit balances truncation h² against rounding ε/h.
        return np.array([1.0 if self.convention == "ito" else 0.0, np.cbrt(np.finfo(np.float64).eps)])

    def work_arrays(self, dim: int) -> int:
        """Two, and what B's slopes need."""
        return {"additive": 2, "diagonal": 6}.get(self.structure, 8)

    def functions(self, weighted: bool) -> tuple[Callable[..., Any], ...]:
        """The step for the structure of B."""
        if self.structure == "additive":
            return (euler_maruyama.step,)
        return (step_diagonal,) if self.structure == "diagonal" else (step_commuting, bend)
