"""A bowl with band-limited fractional roughness."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import ArrayLike

from sdesim.errors import SdesimError
from sdesim.estimate import Estimate
from sdesim.kinds import kind
from sdesim.kinds.numbers import Array, as_theta, as_vectors, whole
from sdesim.surfaces.base import Base, SurfaceKernel
from sdesim.surfaces.bowls.roughness import roughness_exponent

KERNELS = "sdesim.surfaces.bowls.rough_kernels"
TURN = 2.0 * math.pi
# Lags from 1/64 to 1/8 of the longest wave: nearer to a cut-off the slope bends.
_LONGEST_LAG, _LAG_OCTAVES, _LAGS = 0.125, 3.0, 7


@kind("surfaces", "rough")
@dataclass(frozen=True)
class Rough(Base):
    """L = ½ κ |x|² + R(x), R a sum of plane waves whose heights fall as a power of the wavenumber.

    R(x) = Σ_m a_m cos 2π(K_m·x + φ_m),   a_m = c q_m^{−H},   K_m = q_m √d u_m,   q_m = q₀ 2^{m/p}

    with u_m random unit vectors, φ_m random phases and m = 0 … p·octaves − 1. Along any line the wave m has
    the root-mean-square wavenumber q_m, so that the roughness met along a line does not depend on d. Between
    the cut-offs, 1/(2^octaves q₀) ≪ r ≪ 1/q₀, increments grow as E (R(x + r) − R(x))² ∝ r^{2H}: R has the
    Hurst exponent H, fractal dimension d + 1 − H of its graph; below the shorter cut-off it is smooth. A step
    of the simulation follows the finest waves only if dt ≪ 1/λ_max with λ_max ~ amplitude (2π q)² (q/q₀)^{−H}
    at q = 2^octaves q₀.

    Its many minima have no closed form, so `minima` is empty and no well is named.

    Args:
        dim: number of coordinates d.
        hurst: H in (0, 1); small is rough.
        seed: of directions and phases.
        amplitude: root mean square of R over all x (c follows from it), 0 for the bowl alone.
        lowest: q₀, cycles per unit length of the longest wave.
        octaves: doublings from the longest to the shortest wave.
        per_octave: p, waves in each octave.
        curvature: κ of the bowl.

    Raises:
        Misfit: if a value is out of its range.

    Source: §8.1; M. Berry, Z. Lewis, "On the Weierstrass–Mandelbrot fractal function", Proc. R. Soc. A 370
    (1980), for the one-dimensional sum.

    Example:
        {kind: rough, dim: 2, hurst: 0.5}
    """

    dim: Annotated[int, Ge(1)]
    hurst: Annotated[float, Gt(0), Lt(1)]
    seed: Annotated[int, Ge(0), Lt(2**63)] = 0
    amplitude: Annotated[float, Ge(0)] = 0.1
    lowest: Annotated[float, Gt(0)] = 0.5
    octaves: Annotated[int, Ge(1), Le(40)] = 8
    per_octave: Annotated[int, Ge(1)] = 4
    curvature: Annotated[float, Ge(0)] = 1.0

    @cached_property
    def _drawn(self) -> tuple[Array, Array]:
        """K (M, d), and the kernel's params."""
        rng = np.random.default_rng(self.seed)
        octave = np.arange(self.octaves * self.per_octave) / self.per_octave
        q = self.lowest * 2.0**octave
        directions = rng.standard_normal((q.size, self.dim))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        heights = 2.0 ** (-self.hurst * octave)
        heights *= self.amplitude * math.sqrt(2.0) / np.linalg.norm(heights)
        phases = rng.uniform(size=q.size)
        waves = q[:, None] * math.sqrt(self.dim) * directions
        return waves, np.concatenate([[self.curvature], phases, heights])

    @property
    def numbers(self) -> float:
        """d of each wave, with its phase and height."""
        return float(self.octaves * self.per_octave) * (self.dim + 2)

    @property
    def waves(self) -> Array:
        """K_m, longest wave first, in cycles per unit length: (M, d)."""
        return self._drawn[0]

    @property
    def _params(self) -> Array:
        return self._drawn[1]

    @property
    def start(self) -> Array:
        """(1, …, 1), on the flank of the bowl: (d,)."""
        return np.ones(self.dim)

    @property
    def heights(self) -> Array:
        """a_m, longest wave first: (M,)."""
        return self._params[1 + len(self.waves) :].copy()

    def _angles(self, x: Array) -> Array:
        """2πt_m reduced to ±π: (…, d) → (…, M)."""
        turns = x @ self.waves.T + self._params[1 : 1 + len(self.waves)]
        return np.asarray(TURN * (turns - np.round(turns)))

    def roughness(self, theta: ArrayLike) -> Array:
        """R alone, without the bowl: (…, d) → (…)."""
        return np.asarray(np.cos(self._angles(as_theta(theta, self.dim))) @ self.heights)

    def loss(self, theta: ArrayLike) -> Array:
        """½ κ |x|² + R(x): (…, d) → (…)."""
        x = as_theta(theta, self.dim)
        return np.asarray(0.5 * self.curvature * np.sum(x * x, axis=-1) + self.roughness(x))

    def grad(self, theta: ArrayLike) -> Array:
        """κ x − Σ_m 2π a_m K_m sin 2πt_m: (…, d) → (…, d)."""
        x = as_theta(theta, self.dim)
        return np.asarray(self.curvature * x - TURN * ((np.sin(self._angles(x)) * self.heights) @ self.waves))

    def hvp(self, theta: ArrayLike, v: ArrayLike) -> Array:
        """κ v − Σ_m (2π)² a_m K_m (K_m·v) cos 2πt_m: (…, d), (…, d) → (…, d)."""
        x, v = as_vectors(theta, v, self.dim)
        weights = np.cos(self._angles(x)) * self.heights * (v @ self.waves.T)
        return np.asarray(self.curvature * v - TURN**2 * (weights @ self.waves))

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        return SurfaceKernel(KERNELS, "grad", "loss", self._params, self.waves, hvp="hvp")

    def measured_hurst(self, samples: int = 4096, seed: int = 0, level: float = 0.95) -> Estimate:
        """H measured on R, by `roughness_exponent` at lags from 1/64 to 1/8 of the longest wave.

        The band being finite, the expected value differs from H by at most 0.03 at 8 octaves (too large at
        H = 0.3 for want of shorter waves, too small at H = 0.8 in many dimensions for want of longer ones).

        Args:
            samples: number of second differences, at random places 1,000 longest waves around the origin.
            seed: of places and directions.
            level: of the interval.

        Raises:
            SdesimError: if samples is below 16, or the band has fewer than 6 octaves.
        """
        if self.octaves < 6:
            raise SdesimError(f"a roughness exponent needs at least 6 octaves, got {self.octaves}")
        rng = np.random.default_rng([self.seed, whole(seed, "seed", least=0)])
        side = 1000.0 / self.lowest
        points = rng.uniform(-side, side, (whole(samples, "samples", least=16), self.dim))
        lags = _LONGEST_LAG / self.lowest * np.exp2(-np.linspace(0.0, _LAG_OCTAVES, _LAGS))
        return roughness_exponent(self.roughness, points, lags, seed=seed, level=level)
