"""Extreme Hessian eigenvalues from Hessian-vector products, and the stability margin S.

Lanczos with full reorthogonalisation gives both algebraic ends at once; the residual norm
|Hv − λv| of a Ritz pair bounds its distance to an eigenvalue (symmetric operators).
The literal forms are those of the source, §6.1 (S = 2η − λ) and §11.6 (power iteration).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

from sdesim.errors import EstimatorError
from sdesim.estimators._estimate import Estimate

Array = NDArray[np.float64]
HessianVectorProduct = Callable[[Array], Array]


@dataclass(frozen=True)
class Ritz:
    """Ritz values (ascending) of one Lanczos run with the residual norm of each."""

    values: Array
    residuals: Array
    iterations: int


@dataclass(frozen=True)
class Spectrum:
    """The k smallest (`bottom`, ascending) and k largest (`top`, descending) eigenvalues."""

    bottom: tuple[Estimate, ...]
    top: tuple[Estimate, ...]


def _ritz(alphas: list[float], betas: list[float]) -> Ritz:
    values, vectors = eigh_tridiagonal(np.array(alphas), np.array(betas[:-1]))
    return Ritz(values, np.abs(betas[-1] * vectors[-1]), len(alphas))


def _lanczos(hvp: HessianVectorProduct, dim: int, k: int, tol: float, seed: int, max_iter: int) -> Ritz:
    """Lanczos until the k outermost pairs of both ends have residual ≤ tol·max|λ|."""
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    rng = np.random.default_rng(seed)
    v = rng.standard_normal(dim)
    v /= np.linalg.norm(v)
    basis = np.empty((min(max_iter, dim), dim))
    alphas: list[float] = []
    betas: list[float] = []
    for j in range(len(basis)):
        basis[j] = v
        w = np.asarray(hvp(v), dtype=np.float64).reshape(dim)
        if not np.all(np.isfinite(w)):
            return Ritz(np.array([np.nan]), np.array([np.inf]), j + 1)
        alphas.append(float(v @ w))
        # Twice is enough: one pass of Gram–Schmidt leaves errors of the size of the rounding of |w|.
        for _ in range(2):
            w = w - basis[: j + 1].T @ (basis[: j + 1] @ w)
        betas.append(float(np.linalg.norm(w)))
        ritz = _ritz(alphas, betas)
        scale = float(np.max(np.abs(ritz.values)))
        if betas[-1] <= 1e-14 * scale or scale == 0.0:
            break
        ends = np.concatenate([ritz.residuals[:k], ritz.residuals[-k:]])
        if j + 1 >= 2 * k and np.all(ends <= tol * scale):
            break
        v = w / betas[-1]
    return ritz


def lanczos_edges(
    hvp: HessianVectorProduct, dim: int, tol: float = 1e-3, seed: int = 0, max_iter: int = 40
) -> tuple[float, float, float]:
    """(λ_min, λ_max, residual of the λ_max pair) from one Lanczos run: the cheap form for probes."""
    ritz = _lanczos(hvp, dim, 1, tol, seed, min(dim, max_iter))
    return float(ritz.values[0]), float(ritz.values[-1]), float(ritz.residuals[-1])


def _estimates(ritz: Ritz, tol: float, method: str) -> list[Estimate]:
    scale = float(np.max(np.abs(ritz.values)))
    made = []
    for value, residual in zip(ritz.values, ritz.residuals, strict=True):
        converged = residual <= max(tol * scale, 1e-300)
        flags = () if converged else ("not_converged",)
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
    """Largest Hessian eigenvalue.

    Args:
        hvp: v (d,) ↦ H v (d,), a symmetric operator.
        dim: d.
        method: "lanczos", the largest algebraic eigenvalue with |λ̂ − λ| ≤ residual as interval;
            or "power", 20 steps of power iteration as in the source (§11.6): the eigenvalue of
            largest *magnitude*, with its sign, flagged `neg_dominant` when that is negative.
        tol: residual, relative to the largest |eigenvalue|, at which it counts as converged.
        seed: of the random start vector.
        max_iter: products at most; default min(d, 100) for Lanczos and 20 for power.

    Raises:
        EstimatorError: unknown method, dim < 1.
    """
    if method == "lanczos":
        ritz = _lanczos(hvp, dim, 1, tol, seed, min(dim, max_iter or 100))
        return _estimates(ritz, tol, method)[-1]
    if method != "power":
        raise EstimatorError(f"method must be 'lanczos' or 'power', got {method!r}")
    return _power(hvp, dim, tol, seed, max_iter or 20)


def _power(hvp: HessianVectorProduct, dim: int, tol: float, seed: int, iterations: int) -> Estimate:
    v = np.random.default_rng(seed).standard_normal(dim)
    v /= np.linalg.norm(v)
    value, residual = math.nan, math.inf
    for _ in range(iterations):
        w = np.asarray(hvp(v), dtype=np.float64).reshape(dim)
        value = float(v @ w)
        residual = float(np.linalg.norm(w - value * v))
        norm = float(np.linalg.norm(w))
        if norm == 0.0:
            break
        v = w / norm
    flags = []
    if not residual <= tol * max(abs(value), 1e-300):
        flags.append("not_converged")
    if value < 0:
        flags.append("neg_dominant")
    return Estimate(
        value,
        value - residual,
        value + residual,
        1.0,
        "power",
        iterations,
        tuple(flags),
        {"residual": residual},
    )


def spectrum_edges(
    hvp: HessianVectorProduct,
    dim: int,
    k: int = 1,
    tol: float = 1e-6,
    seed: int = 0,
    max_iter: int | None = None,
) -> Spectrum:
    """The k smallest and k largest eigenvalues from one Lanczos run, each with its residual interval.

    Raises:
        EstimatorError: k outside 1…d.
    """
    if not 1 <= k <= dim:
        raise EstimatorError(f"k must be between 1 and dim={dim}, got {k}")
    ritz = _lanczos(hvp, dim, k, tol, seed, min(dim, max_iter or max(100, 10 * k)))
    made = _estimates(ritz, tol, "lanczos")
    return Spectrum(tuple(made[:k]), tuple(made[::-1][:k]))


def critical_sharpness(
    eta: float, momentum: float = 0.0, nesterov: bool = False, dampening: float = 0.0,
    adam_beta1: float | None = None,
) -> float:  # fmt: skip
    """λ_crit, the sharpness at which the linearised optimiser becomes unstable.

    2/η for gradient descent, 2(1+β)/((1−t)η) for heavy ball with dampening t, 2(1+β)/(η(1+2β)) for
    Nesterov, 2(1+β₁)/((1−β₁)η) for the top eigenvalue of Adam's preconditioned Hessian
    (Cohen et al. 2021 and 2022).

    Raises:
        EstimatorError: η not positive, a momentum outside [0, 1).
    """
    if not eta > 0:
        raise EstimatorError(f"eta must be positive, got {eta}")
    for name, beta in (("momentum", momentum), ("dampening", dampening), ("adam_beta1", adam_beta1 or 0.0)):
        if not 0 <= beta < 1:
            raise EstimatorError(f"{name} must be in [0, 1), got {beta}")
    if adam_beta1 is not None:
        return 2 * (1 + adam_beta1) / ((1 - adam_beta1) * eta)
    if nesterov:
        return 2 * (1 + momentum) / (eta * (1 + 2 * momentum))
    return 2 * (1 + momentum) / ((1 - dampening) * eta)


def stability_margin(
    lambda_max: float | Estimate, eta: float, method: str = "normalised", momentum: float = 0.0,
    nesterov: bool = False, dampening: float = 0.0, adam_beta1: float | None = None,
) -> Estimate:  # fmt: skip
    """Spectral margin S.

    normalised (default): 2(1 − λ/λ_crit), dimensionless, at most 2 for λ ≥ 0, positive = stable.
    classical: λ_crit − λ, in units of the Hessian.
    literal: 2η − λ as in §6.1, whose two terms have different units (flag `units`).

    Raises:
        EstimatorError: unknown method, bad η or momentum.
    """
    lam = (
        lambda_max
        if isinstance(lambda_max, Estimate)
        else Estimate(float(lambda_max), math.nan, math.nan, 1.0, "given", 1)
    )
    critical = critical_sharpness(eta, momentum, nesterov, dampening, adam_beta1)
    forms: dict[str, Callable[[float], float]] = {
        "normalised": lambda x: 2 * (1 - x / critical),
        "classical": lambda x: critical - x,
        "literal": lambda x: 2 * eta - x,
    }
    if method not in forms:
        raise EstimatorError(f"method must be one of {', '.join(forms)}, got {method!r}")
    form = forms[method]
    flags = lam.flags + (("units",) if method == "literal" else ())
    return Estimate(
        form(lam.value),
        form(lam.high),
        form(lam.low),
        lam.level,
        method,
        lam.n,
        flags,
        {"lambda_crit": critical},
    )
