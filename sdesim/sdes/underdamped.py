"""Underdamped Langevin dynamics as an equation of first order."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError
from sdesim.kinds import Misfit, OneOf, kind
from sdesim.kinds.numbers import Array, as_theta
from sdesim.sdes.base import Base
from sdesim.sdes.moments import Moments, known_time
from sdesim.surfaces.base import SurfaceKernel
from sdesim.surfaces.timed import steady

_TEXT = """\
from sdesim.compiled.jit import {decorator} as compiled
{imports}

@compiled
def grad(x, params, data0, data1, out):
    d = x.shape[0] // 2
    base_grad(x[:d], params[2:], data0, data1, out[d:])
    for k in range(d):
        for w in range(x.shape[1]):
            out[k, w] = -x[d + k, w]
            out[d + k, w] += params[0] * x[d + k, w]


@compiled
def hvp(x, v, params, data0, data1, out):
    d = x.shape[0] // 2
    base_hvp(x[:d], v[:d], params[2:], data0, data1, out[d:])
    for k in range(d):
        for w in range(x.shape[1]):
            out[k, w] = -v[d + k, w]
            out[d + k, w] += params[0] * v[d + k, w]


@compiled
def factor(x, dw, params, data0, data1, out):
    d = x.shape[0] // 2
    for k in range(d):
        for w in range(x.shape[1]):
            out[k, w] = 0.0
            out[d + k, w] = params[1] * dw[k, w]
"""


@kind("sdes", "underdamped")
@dataclass(frozen=True)
class Underdamped(Base):
    """dx = v dt, dv = −∇L(x) dt − γ v dt + √(2γT) dW: unit mass; the state is (x, v), from rest.

    The stationary density is exp(−(L(x) + ½|v|²)/T). `schemes.BAOAB` walks the same dynamics with weak order
    2 and records x alone.

    Args:
        surface: L.
        friction: γ ≥ 0, per unit of time.
        temperature: T ≥ 0.

    Source: P. Langevin, C. R. Acad. Sci. 146 (1908); H. Kramers, Physica 7 (1940), eq. (4).

    Example:
        {kind: underdamped, surface: {kind: double-well}, friction: 1.0, temperature: 0.2}
    """

    surface: Annotated[Any, OneOf("surfaces", take=("dim", "start", "kernel"))]
    friction: Annotated[float, Ge(0)]
    temperature: Annotated[float, Ge(0)]

    def __post_init__(self) -> None:
        if getattr(self.surface, "examples", 0):
            raise Misfit("surface", "found one of examples, allowed: one without: their noise would be lost")

    @property
    def dim(self) -> int:
        """2d."""
        return 2 * int(self.surface.dim)

    @property
    def factors(self) -> int:
        """One Wiener process for each velocity."""
        return int(self.surface.dim)

    @property
    def additive(self) -> bool:
        """True."""
        return True

    @property
    def growth(self) -> float | None:
        """That of the surface."""
        return None if self.surface.growth is None else max(2.0, float(self.surface.growth))

    @property
    def names(self) -> tuple[str, ...]:
        """x0, …, v0, …"""
        return tuple(f"{letter}{k}" for letter in "xv" for k in range(self.surface.dim))

    @property
    def start(self) -> Array:
        """The surface's own, at rest."""
        return np.concatenate([self.surface.start, np.zeros(self.surface.dim)])

    def energy(self, theta: ArrayLike) -> Array:
        """L(x) + ½|v|²: (…, 2d) → (…)."""
        points = as_theta(theta, self.dim)
        d = int(self.surface.dim)
        total = np.asarray(self.surface.loss(points[..., :d]))
        # One velocity after the other: a sum along rows may differ with the number of rows.
        for k in range(d, 2 * d):
            total = total + 0.5 * points[..., k] ** 2
        return total

    def kernel(self) -> SurfaceKernel:
        """The surface's functions inside those of the whole."""
        return self._kernel

    @cached_property
    def _kernel(self) -> SurfaceKernel:
        from sdesim.compiled.generated import generated_module

        base: SurfaceKernel = steady(self.surface.kernel(), "underdamped")
        offered = [role for role in ("grad", "hvp") if base.offers(role)]
        names = {f"base_{role}": base.functions[role] for role in offered if role in base.functions}
        lines = [
            f"from {base.module} import {getattr(base, role)} as base_{role}"
            for role in offered
            if role not in base.functions
        ]
        decorator = "compiled_in_memory" if names else "compiled"
        module = generated_module(_TEXT.format(decorator=decorator, imports="\n".join(lines)), names)
        roles = (*offered, "factor")
        numbers = [self.friction, math.sqrt(2.0 * self.friction * self.temperature)]
        return SurfaceKernel(
            "" if names else module.__name__,
            "grad",
            None,
            np.concatenate([numbers, base.params]),
            base.data0,
            base.data1,
            lanes=base.lanes,
            hvp="hvp" if "hvp" in offered else None,
            factor="factor",
            factors=self.factors,
            functions={role: getattr(module, role) for role in roles} if names else {},
        )

    def moments(self, t: float, start: Any = None) -> Moments:
        """Of the stationary law, t = ∞, of a surface of one dimension: v has variance T, x the density
        e^{−L/T}, by quadrature between the points where that is below 10⁻²⁰ of its largest value.

        Raises:
            SdesimError: other times, more dimensions, no friction or no temperature: no exact moments are
                known.
        """
        if not math.isinf(known_time(t)) or self.surface.dim != 1 or not self.friction * self.temperature > 0:
            raise SdesimError(
                "exact moments are known of the stationary law alone: t = inf, one dimension, friction and "
                "temperature above 0"
            )
        low = high = float(self.surface.start[0])
        lowest = float(
            np.min(self.surface.loss(np.append(self.surface.minima(), self.surface.start)[:, None]))
        )
        for _ in range(200):
            ends = np.array([[low], [high]])
            far = (self.surface.loss(ends) - lowest) / self.temperature > 46.0
            if far.all():
                break
            step = 0.25 * (1.0 + high - low)
            low, high = low - (not far[0]) * step, high + (not far[1]) * step
        else:
            raise SdesimError("the stationary law has no end in sight: the loss does not grow")
        x = np.linspace(low, high, 20_001)
        weight = np.exp(-(self.surface.loss(x[:, None]) - lowest) / self.temperature)
        weight /= weight.sum()
        mean = float(weight @ x)
        variance = float(weight @ (x - mean) ** 2)
        return Moments(np.array([mean, 0.0]), np.diag([variance, self.temperature]))
