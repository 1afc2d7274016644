"""What a run in float32 needs of its surface, its scheme and its noises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.kinds.spelling import short

Array = NDArray[np.float64]
DTYPES = ("float64", "float32")
# Spacings of float32 that the noise of a step must have: roundings then add 1/(12 · 64²) to its variance.
_SPACINGS = 64
# Of noise of a few values, whose roundings don't average out: its size is then right to 2⁻¹⁷, its variance
# to as much as that of other noise.
_OF_FEW_VALUES = 2**16


def misfits(dtype: Any, surface: Any, scheme: Any, noises: Sequence[Any], tangent: bool) -> Iterator[str]:
    """Why a run can't have this dtype, as far as no kernel tells.

    Args:
        surface: None for one that comes from a real arm. tangent: whether a tangent vector goes along.
    """
    if dtype not in DTYPES:
        yield f"found {short(dtype)}, allowed: {' or '.join(DTYPES)}"
        return
    if dtype == "float64":
        return
    reasons = []
    if surface is None:
        reasons.append("twin_of, whose network has no functions for float32")
    elif not getattr(surface, "single", False):
        reasons.append(f"surface {_name(surface)}, which has no functions for float32")
    if not getattr(scheme, "single", False):
        reasons.append(f"scheme {_name(scheme)}, which has no step for float32")
    sorts = {getattr(noise, "sort", ""): _name(noise) for noise in noises}
    if "minibatch" in sorts:
        reasons.append(f"noise {sorts['minibatch']}, whose weights are of the examples")
    if tangent:
        reasons.append("probes of the tangent")
    if reasons:
        yield f"found float32, allowed: float64 with {' and with '.join(reasons)}"


def _name(part: Any) -> str:
    return str(getattr(part, "kind", type(part).__name__))


def lost_noise(noises: Sequence[Any], surface: Any, theta: Array, dt: float, eta: float) -> Iterator[str]:
    """Noise that float32 would round away.

    A state is rounded to the nearest float32 at every step, which adds to the variance; below one spacing of
    them drifts are lost too. Noise of 64 spacings hides that: 2e-5 of its variance are added. Noise of a few
    values (jumps: most increments are 0), whose every step is rounded alike, must have 65,536 for the same.

    Args:
        theta: where the first trajectory starts (d,).
    """
    kernels = [noise.kernel(theta.size, dt, eta) for noise in noises]
    reached = np.abs(np.concatenate([theta[None], surface.minima()])).max(axis=0)
    nearest = np.minimum(reached, np.finfo(np.float32).max).astype(np.float32)
    needed = np.spacing(nearest).astype(np.float64)
    sizes, least = np.zeros(theta.size), np.full(theta.size, float(_SPACINGS))
    unknown = np.zeros(theta.size, dtype=bool)
    for kernel in kernels:
        if kernel.size is None:
            return
        size = kernel.size * (reached if kernel.enters == "multiplicative" else 1.0)
        spacings = float(_SPACINGS if kernel.dithers else _OF_FEW_VALUES)
        unknown |= np.isnan(size)
        # The noise that comes nearest to what is asked of it.
        nearer = np.nan_to_num(size) / spacings > sizes / least
        sizes, least = np.where(nearer, size, sizes), np.where(nearer, spacings, least)
    short = np.flatnonzero(~(sizes >= least * needed))
    if short.size:
        k = int(short[0])
        found = f"found float32, whose numbers near {reached[k]:.3g} are {needed[k]:.2g} apart"
        rule = f"at least {least[k]:.0f} times as much noise in a step of coordinate {k}, "
        if unknown[k]:
            rule += "where the least size of a noise that changes counts as not known"
        else:
            rule += "of which all or most increments are alike, " if least[k] > _SPACINGS else ""
            rule += f"not {sizes[k]:.2g}"
        yield f"{found}, allowed: float64, or {rule}"
