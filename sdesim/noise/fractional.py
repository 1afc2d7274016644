"""Fractional Gaussian noise: increments that remember, or shun, all those before them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Lt

from sdesim.estimators.core.covariance import DiagonalCovariance, GradientMoments
from sdesim.kinds import Misfit, Numbers, kind
from sdesim.noise.base import Array, Base, NoiseKernel, Sort, check_size
from sdesim.noise.kernel import GROUP, Drawn
from sdesim.noise.path import Path, path_kernel
from sdesim.runs.memory import check_memory

# The shortest circulant, so that short runs begin as those a little longer do.
_SHORTEST = 1024


@kind("noises", "fractional")
@dataclass(frozen=True)
class Fractional(Base):
    """Increments of scale · B_H, a fractional Brownian motion of Hurst exponent H, with their exact law.

    Cov(B_H(s), B_H(t)) = (s^{2H} + t^{2H} − |t − s|^{2H})/2; H = ½ is Brownian motion, so that scale is the
    factor of dW. The whole path is drawn at once through a circulant matrix and its Fourier transform, and is
    a function of the number of steps rounded up to a power of two. It is held in memory.

    Args:
        hurst: H in (0, 1).
        scale: a number or (d,), in units of θ per time^H; not negative.

    Raises:
        Misfit: the scale is negative.

    Source: R. Davies & D. Harte, Biometrika 74 (1987) 95; P. Craigmile, J. Time Ser. Anal. 24 (2003) 505
    (the circulant is positive semidefinite for every H).

    Example:
        {kind: fractional, hurst: 0.7, scale: 0.3}
    """

    hurst: Annotated[float, Gt(0), Lt(1)]
    scale: Annotated[Any, Numbers(0, 1)]

    def __post_init__(self) -> None:
        if np.any(np.asarray(self.scale) < 0):
            raise Misfit("scale", f"found {np.min(self.scale):g}, allowed: numbers of at least 0")

    @property
    def sort(self) -> Sort:
        """Levy: additive, and not white."""
        return "levy"

    @property
    def label(self) -> str:
        """With H."""
        return f"fractional H={self.hurst:g}"

    def validate(self, dim: int) -> None:
        """Check that the scale is for dim coordinates.

        Raises:
            SdesimError: if its shape does not fit.
        """
        check_size(len(self.scale) if isinstance(self.scale, np.ndarray) else None, dim, "scale")

    def path_numbers(self, dim: int) -> float:
        """An increment of each coordinate."""
        return float(dim)

    def kernel(self, dim: int, dt: float, learning_rate: float) -> NoiseKernel:
        """Increments scale · dt^H times fractional Gaussian noise; the learning rate plays no part."""
        self.validate(dim)
        scale = np.array(np.broadcast_to(self.scale, (dim,))) * dt**self.hurst
        return path_kernel(FractionalPath(self.hurst, scale), self.noise_moments(np.zeros(dim), dt), dt)

    def gradient_noise(self, theta: Array, eta: float, n: int, rng: np.random.Generator) -> Array:
        """(n, d) draws of −scale η^{H−1} ξ: of one increment, without its past."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        scale = np.asarray(self.scale) * eta ** (self.hurst - 1.0)
        return np.asarray(-scale * rng.standard_normal((n, dim)))

    def noise_moments(self, theta: Array, eta: float) -> GradientMoments | None:
        """Mean 0 and Σ = scale² η^{2H−2}."""
        dim = np.asarray(theta).shape[-1]
        self.validate(dim)
        scale = np.broadcast_to(np.asarray(self.scale) * eta ** (self.hurst - 1.0), (dim,))
        return GradientMoments(np.zeros(dim), DiagonalCovariance(scale))


def covariance(hurst: float, lags: Array) -> Array:
    """Of fractional Gaussian noise of unit variance: ½(|k + 1|^{2H} − 2|k|^{2H} + |k − 1|^{2H})."""
    k, power = np.abs(lags), 2.0 * hurst
    return np.asarray(0.5 * ((k + 1.0) ** power - 2.0 * k**power + np.abs(k - 1.0) ** power))


@dataclass(frozen=True, eq=False)
class FractionalPath(Path):
    """The whole path, drawn when it is first asked for."""

    hurst: float
    scale: Array

    @property
    def identity(self) -> tuple[Array, ...]:
        """H and the scale of a step."""
        return np.array([self.hurst]), self.scale

    @cached_property
    def _paths(self) -> dict[Drawn, Array]:
        return {}

    def reach(self, steps: int) -> int | None:
        """The length of path that a run of so many steps is cut from."""
        return _length(steps)

    def fill(self, drawn: Drawn, begin: int, end: int, state: Array, out: Array) -> None:
        """The steps of the path that are asked for."""
        base = begin - begin % GROUP
        out[begin - base : end - base] = self._path(drawn)[begin:end]

    def _path(self, drawn: Drawn) -> Array:
        """(steps, d, K).

        Raises:
            RunError: memory does not hold it.
        """
        if drawn not in self._paths:
            self._paths[drawn] = self._draw(drawn)
        return self._paths[drawn]

    def _draw(self, drawn: Drawn) -> Array:
        from sdesim.noise.path_kernels import spectrum_normals

        total = 8.0 * drawn.steps * drawn.rows * drawn.count
        check_memory(total, "the paths of fractional noise", "lower steps or trajectories")
        m = _length(drawn.steps)
        root = circulant_root(self.hurst, m)
        path = np.empty((drawn.steps, drawn.rows, drawn.count))
        waves = np.empty(m + 1, dtype=np.complex128)
        for i in range(drawn.rows):
            for w in range(drawn.count):
                spectrum_normals(np.uint64(drawn.seed), drawn.stream, drawn.first + w, i, root, waves)
                # One transform at a time: of several at once the last ones may be rounded otherwise.
                path[:, i, w] = self.scale[i] * np.fft.irfft(waves, 2 * m)[: drawn.steps]
        return path


def _length(steps: int) -> int:
    """m: the number of steps, rounded up to a power of two."""
    return max(_SHORTEST, 1 << (steps - 1).bit_length())


def circulant_root(hurst: float, m: int) -> Array:
    """√(2m λ_k) (m + 1,) of the circulant (2m, 2m) whose first row is the covariance at lags 0 … m … 1."""
    lags = np.concatenate([np.arange(m + 1), np.arange(m - 1, 0, -1)]).astype(np.float64)
    values = np.fft.rfft(covariance(hurst, lags)).real
    return np.asarray(np.sqrt(2.0 * m * np.maximum(values, 0.0)))
