"""A bowl with band-limited fractional roughness, and the roughness exponent of any loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.estimators import Estimate
from sdesim.kinds.numbers import Array, as_theta, finite, positive, whole
from sdesim.surfaces.base import SurfaceKernel

TURN = 2.0 * math.pi
# Lags from 1/64 to 1/8 of the longest wave: nearer to a cut-off the slope bends.
_LONGEST_LAG, _LAG_OCTAVES, _LAGS = 0.125, 3.0, 7


@dataclass(frozen=True)
class Rough:
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
        dim: d.
        hurst: H in (0, 1); small is rough.
        seed: of directions and phases.
        amplitude: root mean square of R over all x (c follows from it), 0 for the bowl alone.
        lowest: q₀, cycles per unit length of the longest wave.
        octaves: doublings from the longest to the shortest wave.
        per_octave: p, waves in each octave.
        curvature: κ ≥ 0 of the bowl.

    Raises:
        SdesimError: if a value is out of its range.

    Source: §8.1; M. Berry, Z. Lewis, "On the Weierstrass–Mandelbrot fractal function", Proc. R. Soc. A 370
    (1980), for the one-dimensional sum.
    """

    dim: int
    hurst: float
    seed: int = 0
    amplitude: float = 0.1
    lowest: float = 0.5
    octaves: int = 8
    per_octave: int = 4
    curvature: float = 1.0
    waves: Array = field(init=False, repr=False, compare=False)
    _params: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("dim", "octaves", "per_octave"):
            object.__setattr__(self, name, whole(getattr(self, name), name))
        object.__setattr__(self, "seed", whole(self.seed, "seed", least=0))
        for name in ("hurst", "amplitude", "curvature"):
            object.__setattr__(self, name, finite(getattr(self, name), name))
        object.__setattr__(self, "lowest", positive(self.lowest, "lowest"))
        if not 0.0 < self.hurst < 1.0:
            raise SdesimError(f"hurst must be in (0, 1), got {self.hurst:g}")
        if self.octaves > 40:
            raise SdesimError(f"octaves must be at most 40, got {self.octaves}")
        for name in ("amplitude", "curvature"):
            if getattr(self, name) < 0:
                raise SdesimError(f"{name} must be at least 0, got {getattr(self, name):g}")
        rng = np.random.default_rng(self.seed)
        octave = np.arange(self.octaves * self.per_octave) / self.per_octave
        q = self.lowest * 2.0**octave
        directions = rng.standard_normal((q.size, self.dim))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        heights = 2.0 ** (-self.hurst * octave)
        heights *= self.amplitude * math.sqrt(2.0) / np.linalg.norm(heights)
        phases = rng.uniform(size=q.size)
        object.__setattr__(self, "waves", q[:, None] * math.sqrt(self.dim) * directions)
        object.__setattr__(self, "_params", np.concatenate([[self.curvature], phases, heights]))

    @property
    def wells(self) -> tuple[str, ...]:
        """None is named."""
        return ()

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
        x, v = np.broadcast_arrays(as_theta(theta, self.dim), as_theta(v, self.dim, "v"))
        weights = np.cos(self._angles(x)) * self.heights * (v @ self.waves.T)
        return np.asarray(self.curvature * v - TURN**2 * (weights @ self.waves))

    def minima(self) -> Array:
        """None is known in closed form: (0, d)."""
        return np.zeros((0, self.dim))

    def well(self, theta: ArrayLike) -> NDArray[np.int64]:
        """−1: (…, d) → (…)."""
        return np.full(as_theta(theta, self.dim).shape[:-1], -1, dtype=np.int64)

    def kernel(self) -> SurfaceKernel:
        """The compiled side."""
        return SurfaceKernel(
            "sdesim.surfaces.rough_kernels", "grad", "loss", self._params, self.waves, hvp="hvp"
        )

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


def roughness_exponent(
    loss: Callable[[Array], Any],
    points: ArrayLike,
    lags: ArrayLike,
    *,
    directions: ArrayLike | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Hurst exponent H of a loss, from how its second differences grow: S(r) ∝ r^{2H}.

    S(r) = E (f(x + ru) − 2f(x) + f(x − ru))²,   H = half the slope of log S against log r

    Second differences, unlike first ones, are blind to a constant slope, and tell exponents up to 2 apart:
    a twice differentiable loss has 2. At lags around a scale where the loss bends, the value describes that
    scale alone.

    Args:
        loss: (…, d) → (…).
        points: x (n, d), n at least 16.
        lags: r (k,), k at least 2, above 0.
        directions: u (n, d) unit vectors; random ones, drawn from ``seed``, without it.
        seed: of the directions.
        level: of the interval, by the jackknife over the points.

    Raises:
        SdesimError: if a shape does not fit or a lag is not above 0.

    Source: J. Istas, G. Lang, "Quadratic variations and estimation of the local Hölder index of a Gaussian
    process", Ann. Inst. H. Poincaré 33 (1997).
    """
    from scipy.special import stdtrit

    x, r = np.asarray(points, dtype=np.float64), np.asarray(lags, dtype=np.float64)
    if x.ndim != 2 or len(x) < 16:
        raise SdesimError(f"points must be (n, d) with n at least 16, got shape {x.shape}")
    if r.ndim != 1 or len(r) < 2 or np.any(r <= 0) or len(np.unique(r)) < 2:
        raise SdesimError("lags must be at least two different numbers above 0")
    n = len(x)
    if directions is None:
        u = np.random.default_rng(seed).standard_normal(x.shape)
        u /= np.linalg.norm(u, axis=1, keepdims=True)
    else:
        u = np.asarray(directions, dtype=np.float64)
        if u.shape != x.shape:
            raise SdesimError(f"directions must be {x.shape}, got shape {u.shape}")
    middle = np.asarray(loss(x))
    squares = np.stack([(np.asarray(loss(x + h * u)) - 2.0 * middle + loss(x - h * u)) ** 2 for h in r])
    if not np.all(squares.sum(axis=1) > squares.max(axis=1)):
        return Estimate(math.nan, math.nan, math.nan, level, "second-differences", n, ("no_variation",))
    log_r = np.log(r) - np.log(r).mean()
    weights = 0.5 * log_r / (log_r @ log_r)
    value = float(weights @ np.log(squares.mean(axis=1)))
    left_out = weights @ np.log((squares.sum(axis=1, keepdims=True) - squares) / (n - 1))
    error = math.sqrt((n - 1) * float(left_out.var()))
    half = float(stdtrit(n - 1, 0.5 + 0.5 * level)) * error
    return Estimate(
        value, value - half, value + half, level, "second-differences", n, details={"standard_error": error}
    )
