"""Draws of stable laws outside a simulation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import SdesimError
from sdesim.kinds.border import refusing
from sdesim.kinds.spelling import short
from sdesim.stable.parameters import Array, Parameters, checked
from sdesim.stable.sampling.asked import key_of, shape_of
from sdesim.stable.sampling.constants import has_table, law_constants

SAMPLERS = ("inversion", "cms")
# Draws made at a time, so that what they are made of stays in the processor's caches.
_BLOCK = 2**14


@refusing(SdesimError)
def rvs(
    alpha: ArrayLike,
    beta: ArrayLike = 0.0,
    size: int | tuple[int, ...] | None = None,
    seed: Any = None,
    loc: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    parametrization: str = "S1",
    sampler: str | None = None,
    random_state: Any = None,
) -> Array:
    """Draws of stable laws; draw number k, in C order, depends on the seed, k and its own parameters alone.

    A simulation with the same seed shares no random number with them.

    Args:
        alpha: stability index α in (0, 2].
        beta: skewness β in [−1, 1]; of no effect at α = 2.
        size: shape of the result; None for that of the parameters.
        seed: a whole number from 0 to 2⁶⁴ − 1, or a generator of NumPy, which moves on; without one every
            call gives draws of its own.
        loc: location, that of ``parametrization``.
        scale: scale c > 0; the standard deviation is √2 c at α = 2.
        parametrization: "S1", scipy's default, or "S0", continuous in α.
        sampler: "inversion" (a table of the quantile function, u-error at most 1e-12) or "cms"
            (Chambers–Mallows–Stuck). None takes "inversion" for 0.4 ≤ α < 2, without skew from 0.3 on, and
            "cms" below. α = 2 is drawn by Box and Muller.
        random_state: scipy's name of ``seed``.

    Raises:
        SdesimError: if a parameter is out of its range, the shapes don't go together, or there is no table.

    Source: J. Chambers, C. Mallows, B. Stuck, "A method for simulating stable random variables", J. Am. Stat.
    Assoc. 71 (1976); for inversion see `sdesim.stable.sampling.inversion`.
    """
    law = checked(alpha, beta, loc, scale, parametrization)
    if sampler not in (None, *SAMPLERS):
        raise SdesimError(f"sampler must be one of {', '.join(SAMPLERS)}, got {short(sampler)}")
    shape = law.shape if size is None else shape_of(size)
    try:
        np.broadcast_to(np.empty(law.shape), shape)
    except ValueError:
        raise SdesimError(f"size must go with parameters of shape {law.shape}, got {shape}") from None
    key = key_of(seed, random_state)
    if law.shape == () and _chosen(float(law.alpha), float(law.beta), sampler) == "inversion":
        out = _inverted(law, key, math.prod(shape))
    else:
        out = _several(law, key, shape, sampler)
    out = out.reshape(shape)
    return out if shape else out[()]


def _shift(law: Parameters) -> Array:
    """What stands beside c Z₀: loc, and in S1 c β tan(πα/2) or its like at α = 1."""
    return np.asarray(law.loc + law.scale * (law.shift + law.drift)) if law.s1 else law.loc


def _chosen(alpha: float, beta: float, sampler: str | None) -> str:
    if alpha == 2.0:
        return "normal"
    if sampler == "inversion" and not has_table(alpha, beta):
        raise SdesimError(f"alpha {alpha:g} with beta {beta:g} has no table; use sampler 'cms'")
    return sampler or ("inversion" if has_table(alpha, beta) else "cms")


def _inverted(law: Parameters, key: np.uint64, count: int) -> Array:
    """All draws of one law, by its table."""
    from sdesim.stable.sampling.draw_kernels import draw_inverted
    from sdesim.stable.sampling.tables import stable_table

    table, out = stable_table(float(law.alpha), float(law.beta)), np.empty(count)
    table_row = table.coefficients.reshape(-1)
    draw_inverted(key, table_row, table.bits, float(law.scale), float(_shift(law)), out)
    return out


def _several(law: Parameters, key: np.uint64, shape: tuple[int, ...], sampler: str | None) -> Array:
    """Draws of any laws, those of one after those of another."""
    from sdesim.stable.sampling.draw_kernels import scaled

    # Few laws, however many draws: they are told apart before they are spread over the result.
    pairs = np.broadcast_arrays(law.alpha, law.beta)
    laws, which = np.unique(np.stack([v.ravel() for v in pairs], axis=1), axis=0, return_inverse=True)
    out = np.empty(math.prod(shape))
    if len(laws) == 1:
        alpha, beta = laws[0].tolist()
        for start in range(0, out.size, _BLOCK):
            numbers = np.arange(start, min(start + _BLOCK, out.size))
            out[start : start + _BLOCK] = _standard(alpha, beta, key, numbers, sampler)
    else:
        of_draw = np.broadcast_to(which.reshape(pairs[0].shape), shape).ravel()
        for k, (alpha, beta) in enumerate(laws.tolist()):
            numbers = np.flatnonzero(of_draw == k)
            out[numbers] = _standard(alpha, beta, key, numbers, sampler)
    width, shift = (
        v.ravel() if v.size == 1 else np.broadcast_to(v, shape).ravel() for v in (law.scale, _shift(law))
    )
    scaled(width, shift, out)
    return out


def _standard(
    alpha: float, beta: float, key: np.uint64, numbers: NDArray[np.int64], sampler: str | None
) -> Array:
    """The draws with these numbers of one standard S0 law."""
    from sdesim.stable.sampling.draw_kernels import draw_cms_at, draw_inverted_at, draw_normal_at

    out, how = np.empty(numbers.size), _chosen(alpha, beta, sampler)
    if how == "normal":
        draw_normal_at(key, numbers, out)
        return np.asarray(math.sqrt(2.0) * out)
    if how == "cms":
        draw_cms_at(key, numbers, *law_constants(alpha, beta), out)
        return out
    from sdesim.stable.sampling.tables import stable_table

    table = stable_table(alpha, beta)
    draw_inverted_at(key, numbers, table.coefficients.reshape(-1), table.bits, out)
    return out
