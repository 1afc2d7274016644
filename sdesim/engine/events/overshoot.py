"""Where the law of the state behind a wall is known, and what the kernel reads of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.engine.events.region import Region
from sdesim.noise.big_jumps import isotropic_rate, one_sided_rate

Array = NDArray[np.float64]
# Beyond the distance at which a jump of half of it comes with this probability in a step, and beyond so many
# scales of a step, a wall is crossed within a step by one large jump alone, if at all.
_RARE, _CLOSE = 0.02, 16.0
# Of the Gaussian part, standard deviations of a step that are as far.
_DEVIATIONS = 10.0
# Jumps below this share of a leap's radius are taken for Gaussian where there is Gaussian noise too.
_CUT = 0.3
# Of the size of a region: nearer to a wall a place counts as on it.
_FLOOR = 1e-12


@dataclass(frozen=True, eq=False)
class StableLaw:
    """A symmetric stable process beside the walls.

    Attributes:
        alpha: in (1, 2).
        axis: the coordinate whose walls are watched, on which others have no bearing; −1 where jumps go in
            all directions alike.
        scales: σ (d,) per time^{1/α}.
        variances: (d,) per time, of Gaussian noise beside it.
    """

    alpha: float
    axis: int
    scales: Array
    variances: Array

    @property
    def scale(self) -> float:
        """σ across the walls."""
        return float(self.scales[max(self.axis, 0)])

    @property
    def variance(self) -> float:
        """Of the Gaussian part across the walls, per time."""
        return float(self.variances[max(self.axis, 0)])

    def unit(self, dt: float) -> float:
        """The scale of a step: of its stable part, or the standard deviation of the Gaussian one."""
        return max(float(self.scale * dt ** (1.0 / self.alpha)), math.sqrt(self.variance * dt))

    def kappa(self) -> float:
        """The mean time in which the unit ball is left from its centre at unit scale (Getoor 1961)."""
        half = 0.5 * (1 if self.axis >= 0 else len(self.scales))
        a = self.alpha
        logs = math.lgamma(half) - math.lgamma(1.0 + 0.5 * a) - math.lgamma(half + 0.5 * a)
        return float(2.0**-a * math.exp(logs))

    def values(self, dt: float, size: float) -> Array:
        """What `sdesim.engine.kernels.leaps` reads, times in units of dt; size: of the region."""
        unit, dim, a = self.scale * dt ** (1.0 / self.alpha), len(self.scales), self.alpha
        kappa, gaussian = self.kappa() * unit**-a, self.variance * dt
        ways = 2.0 * one_sided_rate(a) if self.axis >= 0 or dim == 1 else isotropic_rate(a, dim)
        rate = ways * unit**a
        small = rate * a / (2.0 - a)
        close = max(_CLOSE * unit, 2.0 * (rate / _RARE) ** (1.0 / a), _DEVIATIONS * math.sqrt(gaussian))
        likeliest = -math.expm1(-rate * (0.5 * close) ** -a)
        widest = kappa ** (-1.0 / a)
        if gaussian > 0.0:
            widest = _within_one_step(rate, small, gaussian, a, widest)
        head = [
            a, float(self.axis), close, widest, kappa, rate, likeliest, _FLOOR * size, gaussian, small, _CUT
        ]  # fmt: skip
        others = [self.scales * dt ** (1.0 / a), np.sqrt(self.variances * dt)]
        return np.concatenate([head, *(others if self.axis >= 0 else [])])


def _within_one_step(rate: float, small: float, gaussian: float, alpha: float, most: float) -> float:
    """The radius whose mean time, as `mixed_leap` has it, is one step."""

    def lasts(radius: float) -> float:
        cut = _CUT * radius
        often = rate * cut**-alpha
        turns = min(radius * math.sqrt(2.0 * often / (gaussian + small * cut ** (2.0 - alpha))), 700.0)
        return float((1.0 - 1.0 / math.cosh(turns)) / often)

    low, high = 0.0, 2.0 * (most + math.sqrt(gaussian))
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if lasts(middle) < 1.0 else (low, middle)
    return low


def stable_law(regions: Sequence[Region], noises: Sequence[Any], dim: int) -> StableLaw | str:
    """The law of resolved noises beside the walls of regions, or what speaks against it.

    Args:
        regions: those for which the law of the state is asked.
    """
    gaussian = [noise for noise in noises if getattr(noise, "sort", "") == "gaussian"]
    others = [noise for noise in noises if getattr(noise, "sort", "") != "gaussian"]
    if len(others) != 1:
        return "found true, allowed: true with one symmetric stable noise, alone or with Gaussian noise"
    jumps = others[0].big_jumps(dim) if hasattr(others[0], "big_jumps") else None
    if jumps is None:
        return "found true, allowed: false with noise that is not symmetric stable"
    if not 1.0 < jumps.alpha < 2.0:
        return (
            f"found true with alpha {jumps.alpha:g}, allowed: true with alpha above 1, where no drift creeps"
        )
    if jumps.spread is not None:
        scales = np.broadcast_to(jumps.spread, (dim,))
        jump_exponent = _isotropic
    else:
        if (jumps.axes[0] != jumps.axes[1]).any():
            return "found true, allowed: false with skewed noise"
        scales = (jumps.axes[0] / one_sided_rate(jumps.alpha)) ** (1.0 / jumps.alpha)
        jump_exponent = _along_axes
    trial = np.random.default_rng(0).standard_normal((4, dim)) * np.array([[1e-3], [1.0], [30.0], [1e3]])
    found = others[0].exponent(trial)
    if found is None or not np.allclose(found, jump_exponent(trial, scales, jumps.alpha), rtol=1e-9, atol=0):
        return "found true, allowed: false with noise that is not symmetric stable"
    scales = np.array(scales, dtype=np.float64)
    if not all(region.exact for region in regions):
        return "found true, allowed: false where distances are known to first order alone"
    variances = _variances(gaussian, trial)
    if variances is None:
        return "found true, allowed: false with Gaussian noise that is correlated or changes in time"
    even = jumps.spread is not None and bool((scales == scales[0]).all()) and not variances.any()
    if (even or dim == 1) and scales[0] > 0.0:
        return StableLaw(jumps.alpha, -1 if dim > 1 else 0, scales, variances)
    axis = _one_axis(regions)
    if jumps.spread is not None or axis is None:
        rule = "isotropic noise of one scale alone, or walls of one coordinate with independent noise"
        return f"found true, allowed: false without {rule}"
    if scales[axis] == 0.0:
        return f"found true, allowed: false without stable noise in coordinate {axis}"
    return StableLaw(jumps.alpha, axis, scales, variances)


def _variances(noises: Sequence[Any], trial: Array) -> Array | None:
    """(d,) per time of independent Gaussian noise; None where it is none."""
    dim = trial.shape[1]
    total, values = np.zeros(len(trial)), np.zeros(dim)
    for noise in noises:
        units = [noise.exponent(unit[None]) for unit in np.eye(dim)]
        if any(value is None for value in units):
            return None
        values += 2.0 * np.real(np.concatenate(units))
        total = total + 2.0 * np.real(noise.exponent(trial))
    return values if np.allclose((trial * trial) @ values, total, rtol=1e-9, atol=0.0) else None


def _isotropic(u: Array, scales: Array, alpha: float) -> Array:
    return np.asarray(((u * scales) ** 2).sum(axis=1) ** (0.5 * alpha))


def _along_axes(u: Array, scales: Array, alpha: float) -> Array:
    return np.asarray((np.abs(u * scales) ** alpha).sum(axis=1))


def _one_axis(regions: Sequence[Region]) -> int | None:
    """The coordinate that all walls stand across; None where there is none."""
    if any(region.normals is None for region in regions):
        return None
    crossed = {int(k) for region in regions for k in np.flatnonzero(np.any(region.normals, axis=0))}
    return crossed.pop() if len(crossed) == 1 else None


def misfits(
    events: Sequence[Any],
    noises: Sequence[Any],
    scheme: Any,
    surface: Any,
    dim: int,
    plain: bool,
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What speaks against the events that ask for the law of the state: (path, message).

    Args:
        noises: resolved as far as they can be. surface: None where it is not known yet.
        plain: whether the state is float64 and free, without walls of a boundary and without tangents.
    """
    asking = [k for k, event in enumerate(events) if getattr(event, "overshoot", False)]
    for k in asking:
        if events[k].monitoring == "discrete":
            yield ("events", k, "overshoot"), "found true, allowed: false with monitoring 'discrete'"
            return
    if not asking:
        return
    if not plain:
        rule = "false with float32, a boundary or tangent probes"
        yield ("events", asking[0], "overshoot"), f"found true, allowed: {rule}"
        return
    orders = scheme.strong_order.values()
    if scheme.velocity or scheme.solves or all(order is None for order in orders):
        rule = f"false with scheme {scheme.name!r}, which is no explicit step of the drift"
        yield ("events", asking[0], "overshoot"), f"found true, allowed: {rule}"
    elif getattr(surface, "factors", 0) or getattr(surface, "constant_factor", None) is not None:
        rule = "false with an equation's own Gaussian noise"
        yield ("events", asking[0], "overshoot"), f"found true, allowed: {rule}"
    elif not any(getattr(noise, "needs", ()) for noise in noises):
        regions = [events[k].region(dim) for k in asking]
        found = stable_law(regions, noises, dim)
        if isinstance(found, str):
            yield ("events", asking[0], "overshoot"), found
