"""Steps that are halved: what they fit, and the arrays that the kernel reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdesim.kinds.numbers import Array

if TYPE_CHECKING:
    from sdesim.engine.plan import Plan

Problem = tuple[tuple[str | int, ...], str]
# How often a step is halved where nothing is said, and at most: positions are numbers of 32 bits.
HALVINGS, MOST = 20, 30
_UNKNOWN = "the law of half its increment, given the whole, is not known"


def halvings(dt: float, smallest_dt: float | None) -> int:
    """The most halvings of dt that lead to no length below the smallest."""
    if smallest_dt is None:
        return HALVINGS
    # A power of two that rounding has put just below itself counts.
    return min(MOST, math.floor(math.log2(dt / smallest_dt) + 1e-9))


def misfits(
    tolerance: Any, smallest_dt: Any, dt: float | None, surface: Any, noises: Sequence[Any], scheme: Any,
    dtype: str, watching: Sequence[Any], probes: Any,
) -> Iterator[Problem]:  # fmt: skip
    """Why steps can't be halved: (path, message).

    Args:
        scheme: as it was chosen. watching: events and walls.
    """
    if tolerance is None:
        if smallest_dt is not None:
            yield ("smallest_dt",), f"found {smallest_dt!r}, allowed: none without tolerance"
        return
    if not _number(tolerance) or not tolerance > 0:
        yield ("tolerance",), f"found {tolerance!r}, allowed: a number above 0, or none"
        return
    if smallest_dt is not None and not (_number(smallest_dt) and 0 < smallest_dt < math.inf):
        yield ("smallest_dt",), f"found {smallest_dt!r}, allowed: a number above 0"
    elif smallest_dt is not None and dt is not None and halvings(dt, smallest_dt) < 1:
        yield ("smallest_dt",), f"found {smallest_dt:g}, allowed: at most half of dt, {0.5 * dt:g}"
    for why in _obstacles(surface, noises, scheme, dtype, watching, probes):
        yield ("tolerance",), f"found {tolerance:g}, allowed: none with {why}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _obstacles(
    surface: Any, noises: Sequence[Any], scheme: Any, dtype: str, watching: Sequence[Any], probes: Any
) -> Iterator[str]:
    if not getattr(scheme, "halves", False):
        yield f"scheme {scheme.name!r}, whose steps go on from those before or are of one length"
    if dtype != "float64":
        yield f"dtype {dtype}: half increments are drawn in float64"
    for k, noise in enumerate(noises):
        if getattr(noise, "sort", "") in ("multiplicative", "minibatch"):
            yield f"noise[{k}]: its part of a step's error, which depends on θ, is not estimated"
        elif (why := getattr(noise, "unhalved", _UNKNOWN)) is not None:
            yield f"noise[{k}]: {why}"
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
    """(tolerance, levels, lengths (L+1,), params of the scheme (L+1, p), sizes of the noise (L+1, d), params
    and data of the noises' halves); (0,) where no step is halved."""
    if plan.tolerance is None:
        return (0,)
    lengths = plan.dt * 0.5 ** np.arange(plan.halvings + 1.0)
    params = np.array([plan.scheme.params(h) for h in lengths])
    halves = [k.halves for k in plan.noise_kernels if k.halves is not None]
    # An empty tuple has no type to compile for.
    return (
        float(plan.tolerance),
        plan.halvings,
        lengths,
        params,
        _sizes(plan, lengths),
        tuple(h.params for h in halves) or (np.zeros(0),),
        tuple(h.data for h in halves) or (np.zeros((0, 0)),),
    )


def _sizes(plan: Plan, lengths: Array) -> Array:
    """(L+1, d): the root of the summed squares of the noises' sizes over each length."""
    from sdesim.engine.plan import own_noise

    found = np.zeros((len(lengths), plan.dim))
    for row, h in zip(found, lengths, strict=True):
        kernels = own_noise(plan.surface, plan.kernel, h)
        kernels += tuple(n.kernel(plan.dim, h, plan.learning_rate) for n in plan.noises)
        for kernel in kernels:
            row += np.zeros(plan.dim) if kernel.size is None else kernel.size**2
    return np.sqrt(found)
