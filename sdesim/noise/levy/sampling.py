"""Draws of α-stable laws."""

from __future__ import annotations

import math

import numpy as np

from sdesim.errors import SdesimError
from sdesim.kinds.numbers import finite, positive
from sdesim.noise.base import Array, NoiseKernel
from sdesim.noise.draws import increments
from sdesim.noise.gaussian import diagonal_kernel
from sdesim.noise.levy.kernels import STABLE, table_kernel
from sdesim.stable.sampling.constants import law_constants, shift_to_s1
from sdesim.stable.sampling.tables import stable_table

METHODS = ("cms", "inversion")
PARAMETRIZATIONS = ("S1", "S0")


def sample_stable(
    alpha: float,
    skew: float,
    size: int | tuple[int, ...],
    seed: int,
    scale: float = 1.0,
    loc: float = 0.0,
    parametrization: str = "S1",
    method: str = "cms",
) -> Array:
    """Draws of an α-stable law, by the function that drives the simulated noise.

    S1: c Z₁ + δ for α ≠ 1, c Z₁ + (2/π) β c log c + δ at α = 1. S0: c Z₀ + δ, continuous in α.

    Args:
        alpha: stability index in (0, 2].
        skew: β in [−1, 1].
        size: shape of the result.
        seed: 64-bit seed; draw number k is a function of (seed, k) only.
        scale: c > 0.
        loc: δ.
        parametrization: "S1" or "S0".
        method: "cms" or "inversion"; see `Stable`.

    Raises:
        SdesimError: if a value is out of its range.

    Source: J. Nolan, Univariate Stable Distributions (2020), definitions 1.4 and 1.5.
    """
    alpha, skew = finite(alpha, "alpha"), finite(skew, "skew")
    if not 0.0 < alpha <= 2.0:
        raise SdesimError(f"alpha must be in (0, 2], got {alpha:g}")
    if abs(skew) > 1.0:
        raise SdesimError(f"skew must be in [-1, 1], got {skew:g}")
    scale, loc = positive(scale, "scale"), finite(loc, "loc")
    if parametrization not in PARAMETRIZATIONS:
        raise SdesimError(f"parametrization must be S1 or S0, got {parametrization!r}")
    if method not in METHODS:
        raise SdesimError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    shape = size if isinstance(size, tuple) else (size,)
    width = np.array([scale])
    shift = shift_to_s1(alpha, skew, width) if parametrization == "S1" else np.zeros(1)
    params = np.concatenate([law_constants(alpha, skew), [math.inf, 0.0, 0.0], width, shift + loc])
    kernel = NoiseKernel(STABLE, "stable_independent", params)
    if alpha == 2.0:
        kernel = diagonal_kernel(math.sqrt(2.0) * width)
    elif method == "inversion":
        table = stable_table(alpha, skew)
        kernel = table_kernel([table], width, shift + loc, np.zeros(1), False, math.inf)
    count = math.prod(shape)
    draws = increments(kernel, 1, (count + 1) // 2, 2, seed=seed)[:, :, 0].T.reshape(-1)[:count]
    return np.asarray(draws.reshape(shape) + (loc if alpha == 2.0 else 0.0))
