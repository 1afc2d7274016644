"""Steps that are halved: what they fit, and the arrays that the kernel reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim.kinds.numbers import Array
from sdesim.kinds.spelling import short

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan
    from sdesim.noise import NoiseKernel

Problem = tuple[tuple[str | int, ...], str]
# How often a step is halved where nothing is said, and at most: the generator numbers halvings by 5 bits, and
# by 32 the increments of one length.
HALVINGS, MOST = 20, 30
_BITS = 32


def most_halvings(steps: int) -> int:
    """How often each of so many steps can be halved."""
    return min(MOST, _BITS - max(1, steps - 1).bit_length())


def halvings(dt: float, smallest_dt: float | None, steps: int) -> int:
    """The most halvings of dt that lead to no length below the smallest."""
    if smallest_dt is None:
        return min(HALVINGS, most_halvings(steps))
    # A power of two that rounding has put just below itself counts.
    return math.floor(math.log2(dt / smallest_dt) + 1e-9)


def misfits(
    tolerance: Any, smallest_dt: Any, dt: float | None, steps: int | None, surface: Any, scheme: Any,
    dtype: str, watching: Sequence[Any], probes: Any,
) -> Iterator[Problem]:  # fmt: skip
    """Why steps can't be halved, as far as no kernel tells: (path, message).

    Args:
        scheme: as it was chosen. watching: events and walls.
    """
    if tolerance is None:
        if smallest_dt is not None:
            yield ("smallest_dt",), f"found {short(smallest_dt)}, allowed: none without tolerance"
        return
    if not _number(tolerance) or not tolerance > 0:
        yield ("tolerance",), f"found {short(tolerance)}, allowed: a number above 0, or none"
        return
    if smallest_dt is not None and not (_number(smallest_dt) and 0 < smallest_dt < math.inf):
        yield ("smallest_dt",), f"found {short(smallest_dt)}, allowed: a number above 0"
    elif smallest_dt is not None and dt is not None and steps is not None:
        asked, most = halvings(dt, smallest_dt, steps), most_halvings(steps)
        if asked < 1:
            yield ("smallest_dt",), f"found {smallest_dt:g}, allowed: at most half of dt, {0.5 * dt:g}"
        elif asked > most:
            least = f"at least {dt * 0.5**most:.3g} with {steps} steps of {dt:g}"
            yield ("smallest_dt",), f"found {smallest_dt:g}, allowed: {least}"
    for why in _obstacles(surface, scheme, dtype, watching, probes):
        yield ("tolerance",), f"found {tolerance:g}, allowed: none with {why}"


def kernel_misfits(
    tolerance: float | None, kernels: Sequence[NoiseKernel], own: int
) -> Iterator[Problem]:  # fmt: skip
    """Noises whose increments can't be halved within a step, or whose error is not estimated.

    Args:
        kernels: of the noises at dt, the first ``own`` of which are the equation's.
    """
    for number, kernel in enumerate(kernels if tolerance is not None else ()):
        if kernel.enters != "additive":
            found = "found one that depends on θ, whose part of a step's error is not estimated"
        elif kernel.split is None or kernel.ahead is not None or kernel.split.node(0) is None:
            found = "found one whose increments can't be halved within a step"
        else:
            continue
        rule = "Gaussian and independent stable noise of constant size, neither truncated nor tempered"
        yield ("noise", number - own), f"{found}, allowed with tolerance {tolerance:g}: {rule}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _obstacles(
    surface: Any, scheme: Any, dtype: str, watching: Sequence[Any], probes: Any
) -> Iterator[str]:  # fmt: skip
    if not getattr(scheme, "halves", False):
        yield f"scheme {scheme.name!r}, whose steps go on from those before or are of one length"
    if dtype != "float64":
        yield f"dtype {dtype}: half increments are drawn in float64"
    if surface is not None and getattr(surface, "factors", False) and not getattr(surface, "additive", False):
        yield "a diffusion B(t, x): its part of a step's error is not estimated"
    for part in watching:
        event = part if hasattr(part, "watches") else getattr(part, "event", None)
        if event is not None and event.watches:
            yield "what watches exits, which is done between whole steps"
            break
    if probes is not None and getattr(probes, "tangent", False):
        yield "probes.tangent, which carries a vector along whole steps"


def halving_arrays(plan: Plan) -> tuple[Any, ...]:
    """(tolerance, levels, lengths (L+1,), params of the scheme (L+1, p), sizes of the noise (L+1, d),
    arguments of the noises' halves); (0,) where no step is halved."""
    if plan.tolerance is None:
        return (0,)
    lengths = plan.dt * 0.5 ** np.arange(plan.halvings + 1.0)
    params = np.array([plan.scheme.params(h) for h in lengths])
    nodes = tuple(k.split.node(plan.halvings).args for k in plan.noise_kernels)
    # An empty tuple has no type to compile for.
    return float(plan.tolerance), plan.halvings, lengths, params, _sizes(plan), nodes or (0,)


def _sizes(plan: Plan) -> Array:
    """(L+1, d): the root of the summed squares of the noises' sizes over each length."""
    found = np.zeros((plan.halvings + 1, plan.dim))
    for kernel in plan.noise_kernels:
        size = np.zeros(plan.dim) if kernel.size is None else kernel.size
        for row in found:
            row += size**2
            size = kernel.split.halved_size(size)
    return np.sqrt(found)
