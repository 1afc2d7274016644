"""How fast a loss grows far out, and which means that leaves without a value under heavy tails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim.engine.fitting import has_loss
from sdesim.kinds.numbers import Array

# Radii between which the growth of the gradient is read, and how many directions at most of each sort.
_NEAR, _FAR, _DIRECTIONS = 1e4, 1e5, 16
# A power that is read lies this near to the true one.
_READING = 0.05


def growth_of(surface: Any) -> float:
    """p such that the loss grows like |θ|^p (of an equation one more than the power of its drift).

    As the surface says; else from its gradient at distances of 10⁴ and 10⁵ from the start, along coordinates
    and fixed random directions, the largest power: ∞ where that overflows.
    """
    said = getattr(surface, "growth", None)
    if said is not None:
        return float(said)
    d = int(surface.dim)
    rng = np.random.default_rng(0)
    axes = np.eye(d)[: min(d, _DIRECTIONS)] if d <= 4096 else np.zeros((0, d))
    drawn = rng.standard_normal((_DIRECTIONS, d))
    ways = np.concatenate([axes, -axes, drawn / np.linalg.norm(drawn, axis=1)[:, None]])
    with np.errstate(all="ignore"):
        near, far = (np.linalg.norm(surface.grad(surface.start + r * ways), axis=-1) for r in (_NEAR, _FAR))
        if not (np.isfinite(near).all() and np.isfinite(far).all()):
            return math.inf
        powers = np.log(far / near) / math.log(_FAR / _NEAR)
    known = powers[np.isfinite(powers)]
    return max(0.0, 1.0 + float(known.max())) if known.size else 0.0


def overshoot_centre(surface: Any) -> Array:
    """(d,), the middle of the minima, across which a step is thrown; (0,) where no minimum is known.

    A step is thrown across then where the drift points back at the half, three quarters or the end of it.
    """
    minima = np.asarray(surface.minima(), dtype=np.float64)
    return minima.mean(axis=0) if len(minima) else np.zeros(0)


def overshoot_radius(surface: Any, dt: float) -> float:
    """Half of the smallest max |θ_k| at which a step −dt ∇L(θ) is thrown across, see `overshoot_centre`.

    Sought on rays from the centre, else from the start, at distances a factor of √2 apart from 10⁻³ to 10⁹; 0
    where it happens at the smallest, ∞ where nowhere.
    """
    d, centre = int(surface.dim), overshoot_centre(surface)
    rng = np.random.default_rng(0)
    axes = np.eye(d) if d <= _DIRECTIONS else np.zeros((0, d))
    drawn = rng.standard_normal((_DIRECTIONS, d))
    ways = np.concatenate([axes, -axes, drawn / np.linalg.norm(drawn, axis=1)[:, None]])
    origin = centre if len(centre) else surface.start
    with np.errstate(all="ignore"):
        for distance in 2.0 ** np.arange(-10.0, 30.0, 0.5):
            points = origin + distance * ways
            here = np.asarray(surface.grad(points))
            if len(centre):
                along = (here * (points - centre)).sum(axis=1)
                turned = (along > 0) & ~(dt * (here * here).sum(axis=1) <= along)
            else:
                ends = [surface.grad(points - share * dt * here) for share in (0.5, 0.75, 1.0)]
                turned = ~np.all([(here * end).sum(axis=1) >= 0.0 for end in ends], axis=0)
            if turned.any():
                least = float(np.abs(points[turned]).max(axis=1).min())
                return 0.0 if distance == 2.0**-10 else 0.5 * least
    return math.inf


def infinite_means(surface: Any, growth: float, tail_index: float | None) -> list[str]:
    """Variables of a run that have no mean: those that grow with θ at least like |θ|^α.

    One increment of the noise has the tail of index α, so that a step has no moment of that order or more.
    """
    if tail_index is None:
        return []
    found = ["weight_norm"] if tail_index <= 1.0 else []
    if has_loss(surface) and growth > tail_index - _READING:
        found += ["loss", "test_loss"]
    return found
