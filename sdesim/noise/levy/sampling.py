"""Draws of α-stable laws, with the arguments that noises have."""

from __future__ import annotations

from sdesim.kinds.numbers import Array, finite, positive
from sdesim.stable.sampling.draws import rvs


def sample_stable(
    alpha: float,
    skew: float,
    size: int | tuple[int, ...],
    seed: int,
    scale: float = 1.0,
    loc: float = 0.0,
    parametrization: str = "S1",
    sampler: str | None = None,
    *,
    method: str | None = None,
) -> Array:
    """Draws of an α-stable law: `sdesim.stable.rvs`.

    S1: c Z₁ + δ for α ≠ 1, c Z₁ + (2/π) β c log c + δ at α = 1. S0: c Z₀ + δ, continuous in α.

    Args:
        alpha: stability index in (0, 2].
        skew: β in [−1, 1].
        size: shape of the result.
        seed: 64-bit seed; draw number k is a function of (seed, k) only, and no number of a simulation with
            the same seed.
        scale: c > 0.
        loc: δ.
        parametrization: "S1" or "S0".
        sampler: "inversion" or "cms"; None as in `rvs`.
        method: the former name of ``sampler``.

    Raises:
        SdesimError: if a value is out of its range.

    Source: J. Nolan, Univariate Stable Distributions (2020), definitions 1.4 and 1.5.
    """
    alpha, skew = finite(alpha, "alpha"), finite(skew, "skew")
    scale, loc = positive(scale, "scale"), finite(loc, "loc")
    return rvs(alpha, skew, size, seed, loc, scale, parametrization, sampler or method)
