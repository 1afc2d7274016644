"""Extreme Hessian eigenvalues from Hessian-vector products.

Lanczos with full reorthogonalisation gives both algebraic ends at once; the residual norm
|Hv − λv| of a Ritz pair bounds its distance to an eigenvalue (symmetric operators).
The literal form is the power iteration of the source, §11.6.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.curvature.lanczos import Array, HessianVectorProduct, Ritz, outer_ritz
from sdesim.estimators.curvature.symmetry import Watched
from sdesim.kinds.numbers import one_of

METHODS = ("lanczos", "magnitude", "power", "power-shifted")


@dataclass(frozen=True)
class Spectrum:
    """The k smallest (`bottom`, ascending) and k largest (`top`, descending) eigenvalues."""

    bottom: tuple[Estimate, ...]
    top: tuple[Estimate, ...]


@dataclass(frozen=True)
class Ends:
    """Outermost Ritz values: λ_min ≤ `lowest` and `highest` ≤ λ_max for certain, and within each one's
    residual lies an eigenvalue."""

    lowest: float
    highest: float
    lowest_residual: float
    highest_residual: float


def _lanczos(
    hvp: HessianVectorProduct, dim: int, k: int, tol: float, seed: int, max_iter: int, ends: str = "both",
    least: int = 0,
) -> Ritz:  # fmt: skip
    """Lanczos from a random start."""
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    return outer_ritz(hvp, np.random.default_rng(seed).standard_normal(dim), k, tol, max_iter, ends, least)


def lanczos_edges(
    hvp: HessianVectorProduct, dim: int, tol: float = 1e-3, seed: int = 0, max_iter: int = 40
) -> tuple[float, float, float]:
    """(λ_min, λ_max, residual of the λ_max pair) from one Lanczos run: the cheap form for probes.

    Raises:
        EstimatorError: dim < 1, or an operator that is not symmetric.
    """
    watched = Watched(hvp)
    found = lanczos_ends(watched, dim, tol, seed, max_iter)
    if not watched.symmetric:
        raise EstimatorError("hvp must be a symmetric operator: u·Hv and v·Hu differ")
    return found.lowest, found.highest, found.highest_residual


def lanczos_ends(
    hvp: HessianVectorProduct, dim: int, tol: float = 1e-3, seed: int = 0, max_iter: int = 40,
    ends: str = "both", least: int = 0,
) -> Ends:  # fmt: skip
    """Both ends from one Lanczos run, each with its residual.

    Args:
        hvp: v (d,) ↦ H v (d,), a symmetric operator. dim: d.
        tol: residual, relative to the largest |eigenvalue|, at which an end has converged.
        seed: of the random start vector. max_iter: most products.
        ends: "both", go on until both have converged; "top", until λ_max has, whatever λ_min.
        least: products to be done in any case.

    Raises:
        EstimatorError: dim < 1.
    """
    ritz = _lanczos(hvp, dim, 1, tol, seed, min(dim, max_iter), ends, least)
    outer = ritz.values[0], ritz.values[-1], ritz.residuals[0], ritz.residuals[-1]
    return Ends(*(float(number) for number in outer))


def _estimates(ritz: Ritz, tol: float, method: str) -> list[Estimate]:
    """Each Ritz value within its residual."""
    made = []
    for value, residual in zip(ritz.values, ritz.residuals, strict=True):
        flags: tuple[str, ...] = () if residual <= max(tol * ritz.scale, 1e-300) else ("not_converged",)
        flags += () if ritz.finite else ("nonfinite",)
        made.append(
            Estimate(
                float(value), float(value - residual), float(value + residual), 1.0, method, ritz.iterations,
                flags, {"residual": float(residual)},
            )
        )  # fmt: skip
    return made


def lambda_max(
    hvp: HessianVectorProduct, dim: int, method: str = "lanczos", tol: float = 1e-6, seed: int = 0,
    max_iter: int | None = None,
) -> Estimate:  # fmt: skip
    """Largest Hessian eigenvalue; the interval is λ̂ ± residual, within which an eigenvalue lies for certain.

    Args:
        hvp: v (d,) ↦ H v (d,), a symmetric operator.
        dim: d.
        method: "lanczos", the largest algebraic eigenvalue;
            "magnitude", by the same Lanczos run the eigenvalue of largest magnitude, with its sign;
            "power", 20 steps of power iteration as in the source (§11.6), which finds the largest magnitude;
            "power-shifted", where that is negative, once more with H − λ₁I, whose dominant eigenvalue is
            λ_max − λ₁: the largest algebraic one.
            A negative eigenvalue of largest magnitude is flagged `neg_dominant` (not by "lanczos").
            An operator that is not symmetric is flagged `not_symmetric`: the value and its interval are none.
        tol: residual, relative to the largest |eigenvalue|, at which it counts as converged; else the flag
            `not_converged`. A tie ±λ never converges by power iteration.
        seed: of the random start vector.
        max_iter: products at most; default min(d, 100) for Lanczos and 20 for each power iteration.

    Raises:
        EstimatorError: unknown method, dim < 1.
    """
    one_of(method, METHODS, "method", EstimatorError)
    watched = Watched(hvp)
    return _with_flags(_lambda_max(watched, dim, method, tol, seed, max_iter), watched.flags)


def _with_flags(e: Estimate, flags: tuple[str, ...]) -> Estimate:
    return replace(e, flags=(*e.flags, *flags)) if flags else e


def _lambda_max(
    hvp: HessianVectorProduct, dim: int, method: str, tol: float, seed: int, max_iter: int | None
) -> Estimate:
    if method in ("lanczos", "magnitude"):
        ends = "top" if method == "lanczos" else "both"
        ritz = _lanczos(hvp, dim, 1, tol, seed, min(dim, max_iter or 100), ends)
        found = _estimates(ritz, tol, method)
        if method == "lanczos":
            return found[-1]
        largest = max((found[0], found[-1]), key=lambda e: abs(e.value))
        return _with_sign(largest)
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    literal = _power(hvp, dim, tol, seed, max_iter or 20, method)
    if method == "power" or not literal.value < 0:
        return literal
    shift = literal.value
    second = _power(
        lambda v: np.asarray(hvp(v)).reshape(dim) - shift * v, dim, tol, seed, max_iter or 20, method
    )
    flags = ("neg_dominant", *(f for f in second.flags if f != "neg_dominant"))
    low, high = second.low + shift, second.high + shift
    details = {**second.details, "shift": shift}
    return Estimate(second.value + shift, low, high, 1.0, method, literal.n + second.n, flags, details)


def _with_sign(e: Estimate) -> Estimate:
    flags = (*e.flags, "neg_dominant") if e.value < 0 else e.flags
    return Estimate(e.value, e.low, e.high, e.level, e.method, e.n, flags, e.details)


def _power(
    hvp: HessianVectorProduct, dim: int, tol: float, seed: int, iterations: int, method: str
) -> Estimate:
    v = np.random.default_rng(seed).standard_normal(dim)
    v /= np.linalg.norm(v)
    value, residual = math.nan, math.inf
    done = 0
    while done < iterations:
        done += 1
        w = np.asarray(hvp(v), dtype=np.float64).reshape(dim)
        value = float(v @ w)
        residual = float(np.linalg.norm(w - value * v))
        norm = float(np.linalg.norm(w))
        if norm == 0.0 or not math.isfinite(norm):
            break
        v = w / norm
    flags: tuple[str, ...] = () if residual <= tol * max(abs(value), 1e-300) else ("not_converged",)
    flags += () if math.isfinite(value) else ("nonfinite",)
    low, high = value - residual, value + residual
    return _with_sign(Estimate(value, low, high, 1.0, method, done, flags, {"residual": residual}))


def spectrum_edges(
    hvp: HessianVectorProduct,
    dim: int,
    k: int = 1,
    tol: float = 1e-6,
    seed: int = 0,
    max_iter: int | None = None,
) -> Spectrum:
    """The k smallest and k largest eigenvalues from one Lanczos run, each with its residual interval.

    A multiple eigenvalue is found once: one start vector has one component in its eigenspace. Where fewer
    than k are found there are fewer. Flag `not_symmetric` as of `lambda_max`.

    Raises:
        EstimatorError: k outside 1…d.
    """
    if not 1 <= k <= dim:
        raise EstimatorError(f"k must be between 1 and dim={dim}, got {k}")
    watched = Watched(hvp)
    ritz = _lanczos(watched, dim, k, tol, seed, min(dim, max_iter or max(100, 10 * k)))
    made = [_with_flags(e, watched.flags) for e in _estimates(ritz, tol, "lanczos")]
    return Spectrum(tuple(made[:k]), tuple(made[::-1][:k]))


def preconditioned(
    hvp: HessianVectorProduct, second_moment: ArrayLike, eps: float = 1e-8
) -> HessianVectorProduct:
    """v ↦ P^{−1/2} H P^{−1/2} v with P = √v̂ + ε, whose top eigenvalue decides the stability of Adam.

    Its threshold is `critical_sharpness(eta, adam_beta1=β₁)`, 38/η at β₁ = 0.9 (J. Cohen et al., "Adaptive
    gradient methods at the edge of stability", 2022).

    Args:
        hvp: v (d,) ↦ H v (d,).
        second_moment: v̂ (d,), Adam's average of squared gradients after bias correction; not negative.
        eps: ε > 0.

    Raises:
        EstimatorError: a negative or non-finite second moment, ε not positive.
    """
    moment = np.asarray(second_moment, dtype=np.float64).ravel()
    if not (np.isfinite(moment).all() and (moment >= 0).all()):
        raise EstimatorError("second_moment must hold finite numbers that are not negative")
    if not eps > 0:
        raise EstimatorError(f"eps must be positive, got {eps}")
    root = 1.0 / np.sqrt(np.sqrt(moment) + eps)

    def product(v: Array) -> Array:
        return np.asarray(root * np.asarray(hvp(root * v), dtype=np.float64).reshape(root.shape))

    return product
