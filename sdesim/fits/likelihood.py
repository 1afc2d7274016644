"""The maximum of a model's likelihood, and intervals by the signed root of the likelihood ratio.

r(v) = sign(θ̂ − v) √(2 (max ℓ − max ℓ given θ = v)) is standard normal for many transitions; an interval is
all values v whose r lies between its quantiles. Near a unit root, or with few jumps, r has another law, and
the model says its quantiles (`Base.cutoff`).

Source: D. Venzon & S. Moolgavkar, "A method for computing profile-likelihood-based confidence intervals",
Appl. Stat. 37 (1988); B. Hansen, "The grid bootstrap and the autoregressive model", Rev. Econ. Stat. 81
(1999).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sdesim.fits.transitions import Transitions

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Of a difference, in working coordinates.
_STEP = 1e-4
# Expected gain of log-likelihood at which a maximum is one: of the whole, and on a profile.
_SETTLED, _PROFILE = 1e-8, 1e-3
_ITERATIONS, _PROFILE_ITERATIONS = 100, 40
# Of a step, in working coordinates of logarithms and of parameters between two ends.
_LONGEST = 1.5
# Of a profile's crossing, as a share of the cutoff.
_CLOSE = 5e-3


@dataclass(frozen=True)
class Surface:
    """ℓ(θ) of a model over working coordinates w: log(θ − low) where the support has one end, else θ.

    Attributes:
        model: of the family "fits".
        data: its transitions.
        low, high: (p,) how far w may go.
        units: (p,) of a step of w: 1 for logarithms, else a length of the parameter.
    """

    model: Any
    data: Transitions
    low: Array
    high: Array
    logarithmic: Mask
    base: Array

    @classmethod
    def of(cls, model: Any, data: Transitions) -> Surface:
        """For these data."""
        logarithmic = np.array([p.logarithmic for p in model.parameters])
        base = np.array([p.low if p.logarithmic else 0.0 for p in model.parameters])
        low, high = model.bounds(data)
        made = cls(model, data, low, high, logarithmic, base)
        return cls(model, data, made.working(low), made.working(high), logarithmic, base)

    def working(self, theta: Array) -> Array:
        """w of θ."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.logarithmic, np.log(np.maximum(theta - self.base, 1e-300)), theta)

    def natural(self, w: Array) -> Array:
        """θ of w."""
        with np.errstate(over="ignore"):
            return np.where(self.logarithmic, self.base + np.exp(np.where(self.logarithmic, w, 0.0)), w)

    def values(self, w: Array) -> Array:
        """log p of each transition (n,)."""
        return np.asarray(self.model.log_density(self.natural(w), self.data), dtype=np.float64)

    def total(self, w: Array) -> float:
        """ℓ; −∞ where some transition is impossible."""
        with np.errstate(all="ignore"):
            found = float(self.values(w).sum())
        return found if math.isfinite(found) else -math.inf

    def scores(self, w: Array, held: Mask) -> Array:
        """∂ log p/∂w of each transition (n, p), 0 where held."""
        found = np.zeros((self.data.n, w.size))
        for k in np.flatnonzero(~held):
            h = _STEP * (1.0 if self.logarithmic[k] else max(self._length(int(k)), 1e-12 * abs(float(w[k]))))
            up, down = w.copy(), w.copy()
            up[k], down[k] = min(w[k] + h, self.high[k]), max(w[k] - h, self.low[k])
            with np.errstate(all="ignore"):
                found[:, k] = (self.values(up) - self.values(down)) / (up[k] - down[k])
        return np.clip(np.nan_to_num(found, nan=0.0), -1e100, 1e100)

    def _length(self, k: int) -> float:
        """A length on which a parameter without a logarithm moves."""
        if np.isfinite(self.high[k]) and np.isfinite(self.low[k]):
            return float(self.high[k] - self.low[k])
        return self.data.size


@dataclass(frozen=True)
class Maximum:
    """Where ℓ is largest: w (p,), ℓ, Σ s sᵀ of the scores (p, p), which parameters lie at no end, whether no
    more than 1e-6 was to gain."""

    w: Array
    total: float
    outer: Array
    free: Mask
    converged: bool


def maximise(surface: Surface, start: Array, held: Mask | None = None, settled: float = _SETTLED) -> Maximum:
    """ℓ's maximum from a start on, by scoring with halved steps; parameters at an end may leave it.

    Args:
        start: w. held: parameters that keep their value.
        settled: expected gain below which no step is taken.
    """
    held = np.zeros(start.size, dtype=bool) if held is None else held
    w = np.clip(start, surface.low, surface.high)
    total = surface.total(w)
    converged = False
    for _ in range(_ITERATIONS if settled == _SETTLED else _PROFILE_ITERATIONS):
        scores = surface.scores(w, held)
        gradient = scores.sum(axis=0)
        outer = scores.T @ scores
        pushed = ((w >= surface.high) & (gradient >= 0)) | ((w <= surface.low) & (gradient <= 0))
        free = ~held & ~pushed
        step, gain = _step(outer, gradient, free)
        if gain < settled:
            converged = True
            break
        longest = np.where(surface.logarithmic, _LONGEST, np.inf)
        step *= min(1.0, float((longest / np.maximum(np.abs(step), 1e-300)).min()))
        factor = 1.0
        while factor > 1e-6:
            new = np.clip(w + factor * step, surface.low, surface.high)
            found = surface.total(new)
            if found > total:
                break
            factor *= 0.35
        else:
            # Nothing better within reach: what is left to gain is below the rounding of ℓ.
            converged = gain < 1e-3
            break
        # A step that was cut may go further along the same way.
        while factor == 1.0 and found - total > 0.5 * gain:
            further = np.clip(w + 2.0 * (new - w), surface.low, surface.high)
            more = surface.total(further)
            if not more > found + 0.05 * gain:
                break
            new, found = further, more
        w, total = new, found
    return Maximum(w, total, outer, free, converged)


def _step(outer: Array, gradient: Array, free: Mask) -> tuple[Array, float]:
    """Scoring step (p,) and half of what it is expected to gain."""
    step = np.zeros(gradient.size)
    if free.any():
        part = outer[np.ix_(free, free)]
        size = np.sqrt(np.maximum(np.diagonal(part), 1e-300))
        # A little ridge where a direction is hardly seen.
        part = part / np.outer(size, size) + 1e-9 * np.eye(size.size)
        step[free] = np.linalg.lstsq(part, gradient[free] / size, rcond=None)[0] / size
    return step, 0.5 * float(step @ gradient)


def observed(surface: Surface, at: Maximum) -> Array:
    """−∂²ℓ/∂w² over the free parameters (p, p), 0 elsewhere, by differences of the gradient."""
    free = np.flatnonzero(at.free)
    found = np.zeros((at.w.size, at.w.size))
    spread = np.sqrt(np.abs(np.diagonal(np.linalg.pinv(at.outer[np.ix_(free, free)]))))
    for k, width in zip(free, spread, strict=True):
        h = 0.05 * max(float(width), 1e-8)
        up, down = at.w.copy(), at.w.copy()
        up[k], down[k] = min(at.w[k] + h, surface.high[k]), max(at.w[k] - h, surface.low[k])
        slopes = [surface.scores(w, ~at.free).sum(axis=0) for w in (up, down)]
        found[k] = -(slopes[0] - slopes[1]) / (up[k] - down[k])
    return 0.5 * (found + found.T)


def covariance(surface: Surface, at: Maximum) -> tuple[Array, bool]:
    """Inverse of the observed information in w (p, p), NaN where a parameter lies at an end; whether it was
    positive definite, else that of the scores."""
    free = np.flatnonzero(at.free)
    found = np.full((at.w.size, at.w.size), np.nan)
    place = np.ix_(free, free)
    for whole, regular in ((observed(surface, at), True), (at.outer, False)) if free.size else ():
        part = whole[place]
        size = np.sqrt(np.abs(np.diagonal(part)))
        if not (np.isfinite(part).all() and (size > 0).all()):
            continue
        if np.linalg.eigvalsh(part / np.outer(size, size))[0] > 1e-10:
            found[place] = np.linalg.inv(part)
            return found, regular
    return found, False


Cutoff = Callable[[Array, int], float]


def profile_interval(
    surface: Surface, at: Maximum, k: int, spread: Array, cutoff: Cutoff
) -> tuple[float, float]:
    """Ends in w of the interval of parameter k; those of its bounds where it reaches them.

    Args:
        spread: covariance (p, p) in w, for the first guess.
        cutoff: of the signed root at θ, on side −1 or 1.
    """
    error = math.sqrt(spread[k, k]) if spread[k, k] > 0 else 0.0
    width = 2.0 * error if error > 0 else 0.5
    ends = [
        _end(surface, at, k, side, width, float(bound), cutoff)
        for side, bound in ((-1, surface.low[k]), (1, surface.high[k]))
    ]
    return ends[0], ends[1]


def _end(
    surface: Surface, at: Maximum, k: int, side: int, width: float, bound: float, cutoff: Cutoff
) -> float:
    """Where the signed root passes its quantile, going from the maximum towards `bound`."""
    here = float(at.w[k])
    if here == bound:
        return bound
    held = np.zeros(at.w.size, dtype=bool)
    held[k] = True
    last = at.w.copy()

    def excess(value: float) -> float:
        """Signed root less its quantile, above 0 outside of the interval."""
        nonlocal last
        natural = surface.natural(_with(last, k, value))
        start = surface.working(
            surface.model.carried(surface.natural(last), k, float(natural[k]), surface.data)
        )
        found = maximise(surface, _with(start, k, value), held, _PROFILE)
        if math.isfinite(found.total):
            last = found.w
        root = math.sqrt(2.0 * max(at.total - found.total, 0.0))
        return root - cutoff(surface.natural(_with(last, k, value)), side)

    inside, low = here, -float(ndtri(0.975))
    reach = width
    for _ in range(60):
        outside = here + side * reach
        over = side * (outside - bound) >= 0
        outside = bound if over else outside
        high = excess(outside)
        if high > 0:
            break
        if over:
            return bound
        inside, low = outside, high
        reach *= 2.0
    else:
        return side * math.inf
    for _ in range(40):
        share = min(max(-low / (high - low), 0.05), 0.95) if math.isfinite(high) else 0.5
        middle = inside + share * (outside - inside)
        value = excess(middle)
        if value > 0:
            outside, high = middle, value
        else:
            inside, low = middle, value
        if abs(value) < _CLOSE or abs(outside - inside) < _CLOSE * width:
            return middle
    return 0.5 * (inside + outside)


def _with(w: Array, k: int, value: float) -> Array:
    moved = w.copy()
    moved[k] = value
    return moved
