"""Telegraph noise: a force that jumps between two values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt

from sdesim.compiled.streams import TURNS
from sdesim.errors import SdesimError
from sdesim.estimators.core.covariance import DiagonalCovariance, GradientMoments
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.noise.base import Array, Base, Context, NoiseKernel, Sort, check_size
from sdesim.noise.kernel import Drawn
from sdesim.noise.path import Path, path_kernel, spread

# Turns in one step that are followed one by one.
_MOST_TURNS = 10_000
# With fewer, increments of ±A dt themselves are common: none at all in a step has the chance e^{−8}.
_MANY_TURNS = 8.0


@kind("noises", "telegraph")
@dataclass(frozen=True)
class Telegraph(Base):
    """A force ±A dt in each coordinate, which changes its sign at a constant rate: dichotomous noise.

    Its covariance is A² e^{−2 rate |t|}; it starts with either sign. The turns inside a step are at their own
    times, so that its integral is exact at any dt.

    Args:
        rate: turns per unit of time, above 0.
        amplitude: A, a number or (d,), not negative.

    Raises:
        Misfit: the amplitude is negative.

    Source: W. Horsthemke & R. Lefever, Noise-Induced Transitions (1984), ch. 9.

    Example:
        {kind: telegraph, rate: 20.0, amplitude: 1.0}
    """

    rate: Annotated[float, Gt(0)]
    amplitude: Annotated[Any, Numbers(0, 1)]

    def __post_init__(self) -> None:
        if np.any(np.asarray(self.amplitude) < 0):
            raise Misfit("amplitude", f"found {np.min(self.amplitude):g}, allowed: numbers of at least 0")

    @property
    def sort(self) -> Sort:
        """Levy: additive, and not Gaussian."""
        return "levy"

    @property
    def label(self) -> str:
        """With the rate."""
        return f"telegraph rate={self.rate:g}"

    def validate(self, dim: int) -> None:
        """Check that the amplitude is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        check_size(len(self.amplitude) if isinstance(self.amplitude, np.ndarray) else None, dim, "amplitude")

    def state_numbers(self, context: Context, examples: int = 0) -> float:
        """The sign of each coordinate."""
        return float(context.dim)

    @property
    def needs_trial(self) -> bool:
        """Whether dt may be too long for the rate."""
        return True

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments ∫±A ds; the learning rate plays no part.

        Raises:
            SdesimError: there would be more than 10,000 turns in a step.
        """
        self.validate(dim)
        if self.rate * dt > _MOST_TURNS:
            raise SdesimError(f"telegraph noise turns {self.rate * dt:g} times a step: use a smaller dt")
        path = TelegraphPath(self.rate, dt, np.array(np.broadcast_to(self.amplitude, (dim,))))
        many = self.rate * dt > _MANY_TURNS
        return path_kernel(path, self.noise_moments(np.zeros(dim), dt), dt, dithers=many)

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean 0 and Σ = A² (2 rate η − 1 + e^{−2 rate η})/(2 rate² η²)."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        size = math.sqrt(0.5 * spread(2.0 * self.rate * eta)) / (self.rate * eta)
        scale = np.broadcast_to(size * np.asarray(self.amplitude), (dim,))
        return GradientMoments(np.zeros(dim), DiagonalCovariance(scale))


@dataclass(frozen=True, eq=False)
class TelegraphPath(Path):
    """Steps of the telegraph process; the state is the sign."""

    rate: float
    dt: float
    amplitude: Array

    @property
    def identity(self) -> tuple[Array, ...]:
        """Rate, dt and amplitude."""
        return np.array([self.rate, self.dt]), self.amplitude

    def start(self, drawn: Drawn) -> Array:
        """±1 (d, K)."""
        from sdesim.noise.path_kernels import start_sign

        state = np.empty((drawn.rows, drawn.count))
        start_sign(np.uint64(drawn.seed), drawn.stream, drawn.first, TURNS, state)
        return state

    def fill(self, drawn: Drawn, begin: int, end: int, state: Array, out: Array) -> None:
        """A ∫±1 ds of each step."""
        from sdesim.noise.path_kernels import telegraph_steps

        seed = np.uint64(drawn.seed)
        telegraph_steps(
            seed, drawn.stream, drawn.first, begin, end, self.rate, self.dt, self.amplitude, state, out
        )
