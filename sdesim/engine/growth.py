"""How fast a loss grows far out, and which means that leaves without a value under heavy tails."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sdesim.engine.fitting import has_loss

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
