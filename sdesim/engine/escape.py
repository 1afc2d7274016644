"""Rates of leaving a well in the limit of small noise: by climbing (Eyring and Kramers) and by jumping."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.errors import SdesimError
from sdesim.kinds import Misfit
from sdesim.kinds.border import refusing
from sdesim.kinds.spelling import short
from sdesim.noise import Noise
from sdesim.noise.big_jumps import BigJumps, isotropic_rate
from sdesim.surfaces.base import Surface, hessian

Array = NDArray[np.float64]
# Below so many D of barrier Kramers' formula is off by more than about a tenth.
_LEAST_BARRIER = 5.0
# Chance of a long jump within the time that it takes to relax, above which smaller ones add up.
_MOST_JUMPS = 0.02
# α √(D/λ)/a, above which jumps short of the boundary matter: D/a² = ½ α/(2 − α) k of the jumps below its
# distance a, k the rate of those beyond it as frequent both ways. The rate was off by twice to thrice that,
# measured for α of 1.2 to 1.8, skewed and not; and by factors where they climb.
_MOST_SPREAD = 0.07
# Share of the rate that jumps as frequent both ways would have, below which small ones may leave sooner.
_LEAST_SHARE = 0.1
# Points of a ray at which the well is asked for, how far it reaches, and directions of isotropic jumps.
_POINTS, _NEAR, _FAR, _DIRECTIONS = 800, 1e-4, 1e4, 1024
_BESIDE = 1e-5


@dataclass(frozen=True, eq=False)
class Escape:
    """How soon a well is left for another, when the noise is small.

    Also unpacks as ``rate, mean, saddle``.

    Attributes:
        rate: per unit of time.
        mean: mean exit time, 1/rate.
        saddle: the lowest saddle of the well (d,); NaN where jumps alone leave it and none is known.
        barrier: L(saddle) − L(minimum).
        minimum: of the well (d,).
        saddles: all of the well's (m, d), the lowest first.
        climbing, jumping: the rates over the saddles and by jumps, whose sum `rate` is.
        mean_to_saddle: mean time until the saddle (or the well's boundary) is reached. From there Gaussian
            noise goes back as often as on, so that it is 1/(2 climbing + jumping).
        flags: `barrier_low` where a barrier is below 5 D, `noise_not_small` where jumps are so frequent that
            several add up, large ones or, for α near 2, those short of the boundary: the formula is then off
            by a tenth and more, and by factors where α is near 2; `small_jumps_unseen` where single
            jumps hardly or never lead out, as against a skew: many small ones do, at a rate that `jumping`
            does not hold; `rate_underflows` where it is below the least float64, and `log_rate` tells it.
        log_rate: log of the rate, −∞ where it is 0.
    """

    rate: float
    mean: float
    saddle: Array
    barrier: float
    minimum: Array
    saddles: Array
    climbing: float
    jumping: float
    mean_to_saddle: float
    flags: tuple[str, ...] = ()
    log_rate: float = math.nan

    @property
    def mean_exit_time(self) -> float:
        """1/rate."""
        return self.mean

    def __iter__(self) -> Iterator[Any]:
        return iter((self.rate, self.mean, self.saddle))

    def __repr__(self) -> str:
        flags = f", flags: {', '.join(self.flags)}" if self.flags else ""
        lost = f" (its log {self.log_rate:.6g})" if "rate_underflows" in self.flags else ""
        return (
            f"<Escape: rate {self.rate:.4g}{lost}, mean {self.mean:.4g}, barrier {self.barrier:.4g}{flags}>"
        )


@refusing(SdesimError)
def kramers(
    surface: Surface, diffusion: float | Noise | Sequence[Noise], well: int | str = 0
) -> Escape:  # fmt: skip
    """Rate at which dθ = −∇L dt + noise leaves a well for another, in the limit of small noise.

    Gaussian noise climbs: Eyring–Kramers, a sum over the saddles s of the well with minimum m,

        k = Σ_s |λ₁(s)|/(2π) · √(det ∇²L(m)/|det ∇²L(s)|) · exp(−(L(s) − L(m))/D),

    λ₁ the one negative eigenvalue. Stable noise jumps: one jump from the minimum to beyond the boundary,

        k = Σ_u w_u Σ (r_out^{−α} − r_in^{−α}),

    over the directions u of the jumps, of rate w_u r^{−α} beyond the size r, with r_out where the ray leaves
    the well (`surface.well`) and r_in where it enters again; along an axis at distance a: Γ(α) sin(πα/2)/π
    (σ/a)^α. The height of the barrier plays no part in it. With both noises the rates add. In one dimension
    a curvature that jumps at a stationary point counts on either side: 1/√L″ is the mean of both.

    Args:
        surface: with wells and their minima; saddles by `surface.saddles`.
        diffusion: D of √(2D) dW, one number; or a noise, or several of them: Gaussian ones with one number D
            and stable ones below 2, not truncated or tempered.
        well: number or name of the well.

    Raises:
        Misfit: no such well, no wells, or a noise of which the formula says nothing; naming the field.
        SdesimError: no saddle is found.

    Source: H. Kramers, Physica 7 (1940) 284; A. Bovier, M. Eckhoff, V. Gayrard & M. Klein, J. Eur. Math. Soc.
    6 (2004) 399 (several dimensions); P. Imkeller & I. Pavlyukevich, Stochastic Process. Appl. 116 (2006) 611
    (stable noise).

    Example:
        >>> sdesim.kramers(surfaces.DoubleWell(), 0.1, "left").mean
        54.125...
    """
    number = _well_number(surface, well)
    minimum = np.asarray(surface.minima(), dtype=np.float64)[number]
    total, jumps = _parts(surface.dim, diffusion)
    climbing = jumping = 0.0
    logs: list[float] = []
    flags: list[str] = []
    try:
        saddles = np.asarray(surface.saddles(number), dtype=np.float64)
    except SdesimError:
        if total > 0.0:
            raise
        saddles = np.zeros((0, surface.dim))
    saddles = saddles[np.argsort(np.asarray(surface.loss(saddles)))] if len(saddles) else saddles
    heights = (
        np.asarray(surface.loss(saddles)) - float(surface.loss(minimum)) if len(saddles) else np.zeros(0)
    )
    if total > 0.0:
        if not len(saddles):
            raise Misfit("well", f"found {short(well)}, out of which the surface knows no saddle")
        well_root, _ = _root_determinant(surface, minimum, "minimum")
        for saddle, height in zip(saddles, heights, strict=True):
            top_root, steepest = _root_determinant(surface, saddle, "saddle")
            factor = steepest / (2.0 * math.pi) * well_root / top_root
            climbing += factor * math.exp(-height / total)
            logs.append(math.log(factor) - height / total)
        flags += ["barrier_low"] if heights[0] < _LEAST_BARRIER * total else []
    if jumps:
        jumping = sum(_jump_rate(surface, minimum, number, law) for law in jumps)
        slowest = float(np.linalg.eigvalsh(hessian(surface, minimum))[0])
        either_way = sum(_jump_rate(surface, minimum, number, law.both_ways) for law in jumps)
        unseen = jumping <= _LEAST_SHARE * either_way
        flags += ["small_jumps_unseen"] if unseen else []
        logs += [math.log(jumping)] if jumping > 0.0 else []
        often = jumping > _MOST_JUMPS * max(slowest, 0.0)
        flags += ["noise_not_small"] if often or _spread(jumps, either_way, slowest) > _MOST_SPREAD else []
    rate = climbing + jumping
    reaching = 2.0 * climbing + jumping
    log_rate = float(np.logaddexp.reduce(logs)) if logs else -math.inf
    if log_rate > -math.inf and rate < np.finfo(np.float64).tiny:
        flags.append("rate_underflows")
    return Escape(
        rate, _inverse(rate), saddles[0] if len(saddles) else np.full(surface.dim, math.nan),
        float(heights[0]) if len(saddles) else math.nan, minimum, saddles, climbing, jumping,
        _inverse(reaching), tuple(flags), log_rate,
    )  # fmt: skip


def _spread(jumps: Sequence[BigJumps], rate: float, slowest: float) -> float:
    """α √(D/λ)/a of small jumps, with the largest α; ∞ without a restoring force."""
    alpha = max(law.alpha for law in jumps)
    if slowest <= 0.0:
        return math.inf
    return alpha * math.sqrt(0.5 * alpha / (2.0 - alpha) * rate / slowest)


def _inverse(rate: float) -> float:
    return 1.0 / rate if rate > 0.0 else math.inf


def _well_number(surface: Surface, well: int | str) -> int:
    names = tuple(surface.wells)
    if not names or len(surface.minima()) != len(names):
        raise Misfit("surface", f"found {type(surface).__name__}, allowed: one with wells and their minima")
    if isinstance(well, str) and well in names:
        return names.index(well)
    if isinstance(well, int | np.integer) and not isinstance(well, bool) and 0 <= well < len(names):
        return int(well)
    raise Misfit("well", f"found {short(well)}, allowed: 0 to {len(names) - 1}, or {', '.join(names)}")


def _parts(dim: int, diffusion: float | Noise | Sequence[Noise]) -> tuple[float, list[BigJumps]]:
    """The total D, and the jumps of the stable noises."""
    if isinstance(diffusion, int | float | np.number):
        if not (math.isfinite(diffusion) and diffusion > 0):
            raise Misfit("diffusion", f"found {diffusion:g}, allowed: a number above 0, or noises")
        return float(diffusion), []
    noises: Sequence[Any] = diffusion if isinstance(diffusion, Sequence) else [diffusion]
    total, jumps = 0.0, []
    for noise in noises:
        known = getattr(noise, "constant_diffusion", None)
        law = noise.big_jumps(dim) if known is None and hasattr(noise, "big_jumps") else None
        if known is None and law is None:
            found = getattr(noise, "label", type(noise).__name__)
            rule = "Gaussian noise with one number D, or stable noise below 2 that is not tamed"
            raise Misfit("diffusion", f"found {found}, allowed: {rule}")
        total += known or 0.0
        jumps += [] if law is None else [law]
    if total == 0.0 and not jumps:
        raise Misfit("diffusion", "found no noise, allowed: a number above 0, or noises")
    return total, jumps


def _root_determinant(surface: Surface, theta: Array, what: str) -> tuple[float, float]:
    """√|det ∇²L| and the size of the lowest eigenvalue at a stationary point."""
    sign = 1.0 if what == "minimum" else -1.0
    if surface.dim == 1:
        h = _BESIDE * (1.0 + float(np.abs(theta[0])))
        sides = sign * np.array([hessian(surface, theta + s * h)[0, 0] for s in (-1.0, 1.0)])
        if (sides <= 0).any():
            raise SdesimError(f"surface: the curvature at the {what} {theta[0]:g} has the wrong sign")
        # The mean of the two at a smooth point, where they differ by less than h.
        root = 2.0 / float(np.sum(1.0 / np.sqrt(sides)))
        return root, root * root
    values = np.linalg.eigvalsh(hessian(surface, theta))
    negative = int((values < 0).sum())
    if negative != (what == "saddle") or (np.abs(values) < 1e-12 * np.abs(values).max()).any():
        raise SdesimError(f"surface: the {what} at {np.array2string(theta, precision=4)} is degenerate")
    return math.exp(0.5 * float(np.log(np.abs(values)).sum())), abs(float(values[0]))


def _jump_rate(surface: Surface, minimum: Array, well: int, law: BigJumps) -> float:
    """Rate of single jumps from the minimum to beyond the boundary of its well."""
    dim = surface.dim
    if law.axes is not None:
        total = 0.0
        for k in range(dim):
            for side, sign in enumerate((-1.0, 1.0)):
                direction = np.zeros(dim)
                direction[k] = sign
                total += float(law.axes[side, k]) * _beyond(surface, minimum, direction, well, law.alpha)
        return total
    assert law.spread is not None
    rays = _directions(dim) * law.spread
    return isotropic_rate(law.alpha, dim) * float(
        np.mean([_beyond(surface, minimum, ray, well, law.alpha) for ray in rays])
    )


def _directions(dim: int) -> Array:
    """Directions spread evenly over the sphere: equal angles, or normal quantiles of a Sobol sequence."""
    if dim == 1:
        return np.array([[-1.0], [1.0]])
    if dim == 2:
        angle = 2.0 * math.pi * (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    from scipy.special import ndtri
    from scipy.stats import qmc

    points = ndtri(qmc.Sobol(dim, seed=0).random(_DIRECTIONS) * (1.0 - 2.0**-40) + 2.0**-41)
    return np.asarray(points / np.linalg.norm(points, axis=1)[:, None])


def _beyond(surface: Surface, minimum: Array, ray: Array, well: int, alpha: float) -> float:
    """∫ α r^{−α−1} dr over the r > 0 at which minimum + r·ray lies in another well."""
    size = 1.0 + float(np.abs(minimum).max())
    length = float(np.linalg.norm(ray))
    if length == 0.0:
        return 0.0
    r = np.geomspace(_NEAR, _FAR, _POINTS) * size / length
    outside = np.asarray(surface.well(minimum + r[:, None] * ray)) != well
    total, status = 0.0, False
    for k in np.flatnonzero(np.diff(np.concatenate([[False], outside]).astype(int))):
        low, high = (r[k - 1] if k else 0.0), r[k]
        # To the rounding of the place at which the well changes.
        for _ in range(60):
            middle = 0.5 * (low + high)
            if (int(surface.well(minimum + middle * ray)) != well) == status:
                low = middle
            else:
                high = middle
        status = not status
        total += high**-alpha if status else -(high**-alpha)
    return float(total)
