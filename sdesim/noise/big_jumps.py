"""The large jumps of a noise: how often one of more than a size comes, and where it goes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from sdesim.noise.kernel import Array


@dataclass(frozen=True, eq=False)
class BigJumps:
    """Jumps whose sizes follow a power law: ν(size > r) = w r^{−α} per unit of time in each direction.

    Attributes:
        alpha: α < 2.
        axes: w of jumps down and up each coordinate (2, d), where they go along the axes; None else.
        spread: σ (d,) of isotropic jumps r σ∘u, u uniform on the sphere, of rate `isotropic_rate` r^{−α}, or
            None.
    """

    alpha: float
    axes: Array | None = None
    spread: Array | None = None

    @property
    def both_ways(self) -> BigJumps:
        """With jumps as frequent each way along an axis as they are the more frequent way."""
        if self.axes is None:
            return self
        return replace(self, axes=np.broadcast_to(self.axes.max(axis=0), self.axes.shape))


def one_sided_rate(alpha: float) -> float:
    """w of jumps to one side of a symmetric stable process of unit scale: Γ(α) sin(πα/2)/π."""
    return math.gamma(alpha) * math.sin(0.5 * math.pi * alpha) / math.pi


def isotropic_rate(alpha: float, dim: int) -> float:
    """w of all jumps of an isotropic stable process of unit scale: 2^α Γ((d + α)/2)/(Γ(1 − α/2) Γ(d/2))."""
    logs = math.lgamma(0.5 * (dim + alpha)) - math.lgamma(1.0 - 0.5 * alpha) - math.lgamma(0.5 * dim)
    return float(2.0**alpha * math.exp(logs))


def stable_jumps(alpha: float, sigma: Array, skew: float, isotropic: bool) -> BigJumps:
    """Of α-stable noise below 2 with the scales sigma (d,)."""
    if isotropic:
        return BigJumps(alpha, spread=sigma)
    weight = one_sided_rate(alpha) * sigma**alpha
    return BigJumps(alpha, axes=np.stack([(1.0 - skew) * weight, (1.0 + skew) * weight]))
