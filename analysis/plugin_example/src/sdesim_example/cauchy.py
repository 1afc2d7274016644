"""Cauchy motion: jumps without mean or variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt

from sdesim.kinds import kind
from sdesim.noise import Base, NoiseKernel


@kind("noises", "cauchy")
@dataclass(frozen=True)
class Cauchy(Base):
    """Independent Cauchy motions: the increment over dt is scale · dt · tan(π(u − ½)), u uniform on (0, 1).

    It is α-stable noise with α = 1, drawn by inversion of its distribution function.

    Args:
        scale: half of an increment's quartile distance, for each unit of time.

    Source: W. Feller, An Introduction to Probability Theory II (1971), §II.4.

    Example:
        {kind: cauchy, scale: 0.01}
    """

    scale: Annotated[float, Gt(0)] = 0.01

    # What a scheme and a report must know: additive, not Gaussian, and P(|x| > r) falls as 1/r. Without
    # the second, numbers that heavy tails make undefined would bear no flag.
    sort: ClassVar[str] = "levy"
    tail_index: ClassVar[float] = 1.0

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Name of the compiled function; params = [scale · dt]."""
        self.validate(dim)
        return NoiseKernel("sdesim_example.cauchy_kernels", "fill", np.array([self.scale * dt]))
