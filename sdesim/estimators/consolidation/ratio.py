"""The consolidation ratio C = |E g|² / Tr Cov g of mini-batch gradients at a frozen θ.

Literal (§3, §11.1): |ḡ|² / (Tr Σ̂ + 1e-10), biased upwards by 1/n. Debiased (default):
(|ḡ|² − f·TrΣ̂/n) / TrΣ̂ with f = 1 for independent batches and f = 1 − nB/N for batches of one
shuffled epoch; it may be negative, and stays so (flag `negative_signal`), but C is not: the ends of its
intervals lie in [0, ∞). Everything follows from |gᵢ|² and gᵢ·ḡ, so the
same code serves gradients and the two numbers per draw that a run stores (`reduced`), of one θ or of many.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdesim.errors import EstimatorError
from sdesim.estimate import AnyEstimate, Estimate
from sdesim.estimators.consolidation.reduced import (
    consolidation_from_sums,
    correction,
    literal_ratio,
    per_draw,
)
from sdesim.estimators.consolidation.robust import ROBUST, robust_ratio
from sdesim.estimators.core.draws import (
    Draws,
    centred_blocks,
    check_level,
    draws_of_gradients,
    draws_of_numbers,
    jackknife,
    largest_share,
    matrix,
    noise_flags,
    noise_masks,
    where_known,
)
from sdesim.estimators.core.noncentral import (
    consolidation_interval,
    effective_rank,
    trace_of_square_from_deviations,
    trace_of_square_from_gram,
)
from sdesim.estimators.core.places import made, stacked
from sdesim.estimators.tails.index import variance_undefined
from sdesim.kinds.spelling import short
from sdesim.support import DEBIASED

Array = NDArray[np.float64]
METHODS = ("debiased", "literal", "exact-gaussian", *ROBUST)


@dataclass(frozen=True)
class GradientMoments:
    """Sufficient sums of n gradients: mean (d,) and Σ|gᵢ − ḡ|²; exact under pooling."""

    n: int
    mean: Array
    squared_deviation: float

    @property
    def trace(self) -> float:
        """Trace of the unbiased sample covariance."""
        return self.squared_deviation / (self.n - 1) if self.n > 1 else math.nan


def gradient_moments(gradients: ArrayLike) -> GradientMoments:
    """Moments of gradients (n, d), one pass over memory, O(d) extra.

    Raises:
        EstimatorError: not a matrix, or fewer than 2 rows.
    """
    g = matrix(gradients)
    parts = [(mean, float(np.einsum("ij,ij->", e, e))) for mean, e in centred_blocks(g)]
    return GradientMoments(len(g), np.concatenate([m for m, _ in parts]), math.fsum(s for _, s in parts))


def combine_moments(parts: Sequence[GradientMoments]) -> GradientMoments:
    """Exact pooling of shards, clients or windows (Chan's merge). `client_parts` tells what is within
    clients and what between them.

    Raises:
        EstimatorError: nothing to combine, or different dimensions.
    """
    if not parts:
        raise EstimatorError("nothing to combine")
    if len({p.mean.shape for p in parts}) != 1:
        raise EstimatorError("moments of different dimensions can't be combined")
    n = sum(p.n for p in parts)
    mean = sum((p.n * p.mean for p in parts), np.zeros_like(parts[0].mean)) / n
    between = math.fsum(p.n * float((d := p.mean - mean) @ d) for p in parts)
    return GradientMoments(n, mean, math.fsum(p.squared_deviation for p in parts) + between)


def consolidation_from_draws(
    norm2: ArrayLike, dot_mean: ArrayLike, level: float = 0.95, method: str = "debiased",
    sampling: str = "iid", batch_size: int | None = None, dataset_size: int | None = None,
    conservative: bool = False, dim: float | None = None, tails: AnyEstimate | None = None,
) -> AnyEstimate:  # fmt: skip
    """C from the two numbers per draw that a run stores: |gᵢ|² and gᵢ·ḡ, both (n,), or (..., n) of many θ.

    Arguments as in `consolidation_ratio`, without the robust methods. The effective dimension that
    "exact-gaussian" and `conservative` need is read from the spread of |eᵢ|², unless `dim` is given.

    Returns:
        Estimate, of (..., n) an array (...,).

    Raises:
        EstimatorError: fewer than 2 draws, unknown method or sampling.
    """
    q, dot = per_draw(norm2, dot_mean)
    f = correction(sampling, q.shape[-1], batch_size, dataset_size)
    draws = draws_of_numbers(q, dot)
    if draws.signal.ndim and (conservative or method == "exact-gaussian"):
        return _each(draws.signal.shape, tails, lambda place, tail: consolidation_from_draws(
            q[place], dot[place], level, method, sampling, batch_size, dataset_size, conservative, dim, tail
        ))  # fmt: skip
    return _ratio(draws, method, f, level, conservative, dim, math.inf, tails)


def _each(
    shape: tuple[int, ...], tails: AnyEstimate | None,
    one: Callable[[tuple[int, ...], AnyEstimate | None], AnyEstimate],
) -> AnyEstimate:  # fmt: skip
    """What has no form for arrays, place by place, each with its own tails."""
    many = tails is not None and tails.is_array
    return stacked(
        [one(p, tails[p] if many and tails is not None else tails) for p in np.ndindex(shape)], shape
    )


def _ratio(
    draws: Draws, method: str, f: float, level: float, conservative: bool, dim: float | None,
    largest_dim: float, tails: AnyEstimate | None,
) -> AnyEstimate:  # fmt: skip
    """C of draws (..., n); the noncentral F law's methods of one place alone."""
    check_level(level)
    n, signal, trace = draws.n, np.asarray(draws.signal), draws.trace
    masks = noise_masks(signal, trace, n, draws.rounding)
    share, outweighs = largest_share(draws.deviation)
    masks["heavy_tail_variance_undefined"] = (
        outweighs if tails is None else outweighs | variance_undefined(tails)
    )
    size = np.broadcast_to(n, signal.shape)
    if method == "literal":
        nothing = np.ones(signal.shape, dtype=bool)
        return made(literal_ratio(signal, trace), math.nan, math.nan, level, method, size,
                    {**masks, "no_interval": nothing})  # fmt: skip
    if method not in ("debiased", "exact-gaussian"):
        raise EstimatorError(f"method must be one of {', '.join(METHODS)}, got {short(method)}")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ends = jackknife(draws, level, f)
        details: dict[str, Any] = {
            "signal": np.asarray(signal - f * trace / n), "noise": trace, "largest_share": share
        }  # fmt: skip
    value, low, high = where_known(masks, *ends)
    low, high = DEBIASED.cut(low, high)
    if not signal.ndim and not (masks["zero_noise"] | masks["interpolated"] | masks["nonfinite"]):
        if conservative or method == "exact-gaussian":
            dim = details["effective_dim"] = _noise_dim(draws, dim, f, largest_dim)
            lower, upper = consolidation_interval(float(signal / trace), n, dim, level)
            if method == "debiased":
                low, high = np.fmin(low, lower), np.fmax(high, upper)
            else:
                value, low, high = (
                    np.asarray(x) for x in (_exact_gaussian(float(signal / trace), n, dim), lower, upper)
                )
    elif not signal.ndim:
        # A plain Estimate without a ratio has nothing to tell of its parts.
        details = {}
    masks |= {"negative_signal": value < 0, "no_interval": np.isnan(low)}
    return made(value, low, high, level, method, size, masks, details)


def _noise_dim(draws: Draws, dim: float | None, f: float, largest: float) -> float:
    """The dimension for the noncentral F law: as given, or read from the draws."""
    if f != 1.0:
        raise EstimatorError("the noncentral F law holds for independent batches: sampling must be 'iid'")
    return _effective_dim(draws, largest) if dim is None else float(dim)


def _effective_dim(draws: Draws, largest: float) -> float:
    n, trace = draws.n, float(draws.trace)
    if n < 3:
        raise EstimatorError(f"at least 3 gradients are needed for an effective dimension, got {n}: give dim")
    square = (
        trace_of_square_from_deviations(draws.deviation)
        if draws.gram is None
        else trace_of_square_from_gram(draws.gram)
    )
    rank = effective_rank(trace, square, largest)
    return rank if math.isfinite(rank) else 1e9


def _exact_gaussian(literal: float, n: int, dim: float) -> float:
    """C_lit (ν − 2)/ν − 1/n with ν = d(n − 1): unbiased in white noise."""
    nu = dim * (n - 1)
    return literal * (nu - 2) / nu - 1 / n


def consolidation_ratio(
    gradients: ArrayLike | GradientMoments, method: str = "debiased", sampling: str = "iid",
    batch_size: int | None = None, dataset_size: int | None = None, level: float = 0.95,
    conservative: bool = False, dim: float | None = None, tails: AnyEstimate | None = None,
) -> AnyEstimate:  # fmt: skip
    """C of the rows as given (a mini-batch C when rows are mini-batch gradients).

    Args:
        gradients: (n, d) gradients at one θ, or their GradientMoments; (..., n, d) at many θ.
        method: "debiased", with the interval of `jackknife_consolidation` (from moments alone by the delta
            method, flagged `delta_interval`: for noise white in `dim` dimensions, by default the worst
            case, all noise on one axis, which covers nearly always and is wide);
            "literal" (§11.1);
            "exact-gaussian", C_lit(ν − 2)/ν − 1/n with ν = d_eff(n − 1) and the interval of the noncentral
            F law: exact for white Gaussian noise in `dim` dimensions, measured coverage of 95% with d_eff
            read from the gradients 0.94 to 0.98 in white noise, 0.84 to 0.97 with the noise along the signal;
            "median-of-means", "scale" and "alpha-moment", for heavy tails (`robust`).
        sampling: "iid", or "epoch" for batches of one shuffled epoch (needs batch_size, dataset_size).
        level: nominal coverage of the interval.
        conservative: the hull of the jackknife's interval and the noncentral F law's at d_eff (measured
            coverage of 95%: 0.96 to 1).
        dim: dimension of the noise for that law, (TrΣ)²/TrΣ²; by default read from the gradients.
        tails: the result of `tail_index` on such gradients, to be heeded.

    Returns:
        Estimate, of (..., n, d) an array (...,). Flags: `negative_signal` where Ĉ < 0; `n_too_small` (n < 4);
        `zero_noise` (then ∞), `interpolated` (0/0), `nonfinite` (both NaN); `heavy_tail_variance_undefined`
        where `tails` lie below 2 or one draw outweighs the others as Gaussian draws don't (false alarms
        < 0.1%).

    Raises:
        EstimatorError: shapes, method or sampling that don't fit.
    """
    if isinstance(gradients, GradientMoments):
        return _from_moments(gradients, method, sampling, batch_size, dataset_size, level, dim)
    g = matrix(gradients, leading=True)
    f = correction(sampling, g.shape[-2], batch_size, dataset_size)
    need_dim = dim is None and (conservative or method == "exact-gaussian")
    if g.ndim > 2 and (method in ROBUST or conservative or method == "exact-gaussian"):
        return _each(g.shape[:-2], tails, lambda place, tail: consolidation_ratio(
            g[place], method, sampling, batch_size, dataset_size, level, conservative, dim, tail
        ))  # fmt: skip
    if method in ROBUST:
        check_level(level)
        return robust_ratio(g, method, level, dim)
    draws = draws_of_gradients(g, with_gram=need_dim)
    return _ratio(draws, method, f, level, conservative, dim, g.shape[-1], tails)


def _from_moments(
    m: GradientMoments, method: str, sampling: str, batch_size: int | None, dataset_size: int | None,
    level: float, dim: float | None,
) -> AnyEstimate:  # fmt: skip
    check_level(level)
    if m.n < 2:
        raise EstimatorError(f"at least 2 gradients are needed for a covariance, got {m.n}")
    if method not in ("debiased", "literal", "exact-gaussian"):
        raise EstimatorError(
            f"method must be 'debiased', 'literal' or 'exact-gaussian' for moments, got {short(method)}"
        )
    signal = float(m.mean @ m.mean)
    flags = noise_flags(signal, m.trace, m.n)
    f = correction(sampling, m.n, batch_size, dataset_size)
    if method != "exact-gaussian" or set(flags) - {"n_too_small"}:
        width = 1.0 if dim is None else dim
        made_of = "literal" if method == "literal" else "debiased"
        found = consolidation_from_sums(signal, m.trace, m.n, made_of, level, f, width)
        return found if method == made_of else replace(found, method=method)
    if dim is None or f != 1.0:
        raise EstimatorError("'exact-gaussian' from moments needs dim and independent batches")
    value = _exact_gaussian(signal / m.trace, m.n, dim)
    low, high = consolidation_interval(signal / m.trace, m.n, dim, level)
    flags += ["negative_signal"] if value < 0 else []
    details = {"signal": signal - f * m.trace / m.n, "noise": m.trace}
    return Estimate(value, low, high, level, method, m.n, tuple(flags), details)
