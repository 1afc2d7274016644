"""The Hessian's trace and spectral density from a few Hessian-vector products with random vectors.

For a random sign vector v, E vᵀf(H)v = Tr f(H). Sources: R. Meyer, C. Musco, C. Musco & D. Woodruff,
"Hutch++: optimal stochastic trace estimation" (2021); L. Lin, Y. Saad & C. Yang, "Approximating spectral
densities of large matrices", SIAM Review 58 (2016); S. Ubaru, J. Chen & Y. Saad, "Fast estimation of tr(f(A))
via stochastic Lanczos quadrature" (2017).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from sdesim.errors import EstimatorError
from sdesim.estimate import Estimate
from sdesim.estimators.curvature.lanczos import (
    EXHAUSTED,
    Array,
    HessianVectorProduct,
    Ritz,
    lanczos_steps,
    ritz,
)
from sdesim.kinds.numbers import one_of

# ∫|f_m − f_{3m/4}| below which m Lanczos steps count as enough.
_SETTLED = 0.05
_MOMENTS = 4


def _mean_estimate(draws: Array, level: float, method: str, n: int, offset: float = 0.0) -> Estimate:
    """Mean of independent draws with Student's interval; exact where all are equal."""
    count = len(draws)
    half = float(stdtrit(count - 1, 0.5 + level / 2)) * float(draws.std(ddof=1)) / math.sqrt(count)
    value = offset + float(draws.mean())
    flags = () if math.isfinite(value) else ("nonfinite",)
    return Estimate(value, value - half, value + half, level, method, n, flags)


def hessian_trace(
    hvp: HessianVectorProduct, dim: int, samples: int = 48, method: str = "hutch++", seed: int = 0,
    level: float = 0.95,
) -> Estimate:  # fmt: skip
    """Tr H from about `samples` products, of any symmetric operator (D½HD½ gives Tr(DH)).

    hutchinson: mean of vᵀHv over random signs; variance 2(|H|_F² − Σ H_ii²) per draw.
    hutch++ (default): a third of the products finds a basis Q of the dominant range, a third gives
    Tr QᵀHQ exactly, and the rest is Hutchinson's mean for what Q leaves; far better where a few large
    eigenvalues make the trace. With samples ≥ d the trace is read off the d unit vectors, exactly.

    The interval is Student's over the draws. Measured coverage of nominal 95% with 48 products, on a
    full random matrix and on a spectrum k^−1.5: 0.96 and 0.93 (hutchinson), 0.95 and 0.95 (hutch++).

    Args:
        hvp: v (d,) ↦ H v (d,).
        dim: d. samples: products, at least 6. seed: of the random signs.
        level: nominal coverage.

    Raises:
        EstimatorError: unknown method, dim < 1, fewer than 6 samples.
    """
    one_of(method, ("hutch++", "hutchinson"), "method", EstimatorError)
    if dim < 1:
        raise EstimatorError(f"dim must be at least 1, got {dim}")
    if samples < 6:
        raise EstimatorError(f"samples must be at least 6, got {samples}")

    def products(vectors: Array) -> Array:
        return np.stack([np.asarray(hvp(v), dtype=np.float64).reshape(dim) for v in vectors])

    if samples >= dim:
        exact = float(np.trace(products(np.eye(dim))))
        return Estimate(
            exact, exact, exact, 1.0, "exact", dim, () if math.isfinite(exact) else ("nonfinite",)
        )
    rng = np.random.default_rng(seed)

    def signs(count: int) -> Array:
        return rng.choice([-1.0, 1.0], (count, dim))

    if method == "hutchinson":
        v = signs(samples)
        return _mean_estimate(np.einsum("ij,ij->i", v, products(v)), level, method, samples)
    third = samples // 3
    sketch = products(signs(third))
    if not np.isfinite(sketch).all():
        return Estimate(math.nan, math.nan, math.nan, level, method, third, ("nonfinite", "no_interval"))
    q, _ = np.linalg.qr(sketch.T)
    dominant = float(np.einsum("ij,ji->", q.T, products(q.T).T))
    rest = signs(samples - 2 * third)
    rest = rest - (rest @ q) @ q.T
    return _mean_estimate(np.einsum("ij,ij->i", rest, products(rest)), level, method, samples, dominant)


@dataclass(frozen=True)
class SpectralDensity:
    """Density of the eigenvalues, smoothed by a Gaussian of standard deviation `width`.

    Attributes:
        grid: eigenvalues (m,). density: (m,), with integral 1.
        low, high: pointwise interval at `level` for the density smoothed alike, (m,).
        moments: Tr(H^k)/d for k = 1…4.
        width: of the smoothing.
        quadrature_error: ∫|f_m − f_{3m/4}| of the densities from all and from three quarters of the Lanczos
            steps; above 0.05 the flag `not_converged`: more steps or a larger width.
        level, n, flags: as in `Estimate`; n is the number of products.
    """

    grid: Array
    density: Array
    low: Array
    high: Array
    moments: tuple[Estimate, ...]
    width: float
    quadrature_error: float
    level: float
    n: int
    flags: tuple[str, ...] = ()

    def __repr__(self) -> str:
        ends = f"{self.grid[0]:.3g} to {self.grid[-1]:.3g}"
        told = f", {', '.join(self.flags)}" if self.flags else ""
        return f"<SpectralDensity over {ends}, smoothed by {self.width:.3g}, {self.n} products{told}>"

    def has(self, flag: str) -> bool:
        """Whether `flag` was raised."""
        return flag in self.flags


def spectral_density(
    hvp: HessianVectorProduct, dim: int, probes: int = 8, steps: int = 40, width: float | None = None,
    points: int = 201, seed: int = 0, level: float = 0.95,
) -> SpectralDensity:  # fmt: skip
    """φ(t) = (1/d) Σ_i N(t; λ_i, width²) by stochastic Lanczos quadrature.

    For a random unit vector Lanczos gives nodes θ_j and weights ω_j, the Gauss quadrature of the vector's
    spectral measure: φ ≈ mean over probes of Σ_j ω_j N(t; θ_j, width²). Moments to order 2·steps − 1 are free
    of quadrature error. Intervals are Student's over the probes; measured pointwise coverage of nominal 95%
    with 8 probes in the bulk of a random matrix: 0.93–0.96.

    Args:
        hvp: v (d,) ↦ H v (d,).
        dim: d. probes: random vectors, at least 2. steps: Lanczos steps for each, at least 4.
        width: smoothing; None for 1/50 of the range of the nodes.
        points: of the grid, which reaches 4 widths beyond the nodes.
        seed: of the random vectors. level: nominal coverage.

    Raises:
        EstimatorError: an argument out of its range.
    """
    for name, given, least in (
        ("dim", dim, 1),
        ("probes", probes, 2),
        ("steps", steps, 4),
        ("points", points, 2),
    ):
        if given < least:
            raise EstimatorError(f"{name} must be at least {least}, got {given}")
    if width is not None and not width > 0:
        raise EstimatorError(f"width must be positive, got {width}")
    rng = np.random.default_rng(seed)
    runs = [_quadrature(hvp, rng.choice([-1.0, 1.0], dim), steps) for _ in range(probes)]
    used = sum(whole.iterations for whole, _ in runs)
    if not all(whole.finite for whole, _ in runs):
        nothing, missing = np.full(points, np.nan), Estimate(math.nan, math.nan, math.nan, level, "slq", used)
        return SpectralDensity(
            nothing, nothing, nothing, nothing, (missing,) * _MOMENTS, math.nan, math.inf, level, used,
            ("nonfinite",),
        )  # fmt: skip
    lowest = min(float(whole.values[0]) for whole, _ in runs)
    highest = max(float(whole.values[-1]) for whole, _ in runs)
    spread = highest - lowest
    sigma = width or (spread / 50 if spread > 1e-12 * abs(highest) else 1e-3 * abs(highest) or 1.0)
    grid = np.linspace(lowest - 4 * sigma, highest + 4 * sigma, points)
    curves = np.stack([_smoothed(whole, grid, sigma) for whole, _ in runs])
    coarser = np.stack([_smoothed(part, grid, sigma) for _, part in runs]).mean(axis=0)
    density = curves.mean(axis=0)
    half = float(stdtrit(probes - 1, 0.5 + level / 2)) * curves.std(axis=0, ddof=1) / math.sqrt(probes)
    error = float(np.trapezoid(np.abs(density - coarser), grid))
    moments = tuple(
        _mean_estimate(np.array([w.weights @ w.values**k for w, _ in runs]), level, "slq", used)
        for k in range(1, _MOMENTS + 1)
    )
    flags = () if error <= _SETTLED else ("not_converged",)
    return SpectralDensity(
        grid,
        density,
        np.maximum(density - half, 0.0),
        density + half,
        moments,
        sigma,
        error,
        level,
        used,
        flags,
    )


def _quadrature(hvp: HessianVectorProduct, start: Array, steps: int) -> tuple[Ritz, Ritz]:
    """Nodes and weights of all steps, and of three quarters of them (all, where the Krylov space ends)."""
    alphas: list[float] = []
    betas: list[float] = []
    for alphas, betas in lanczos_steps(hvp, start, steps):
        if not math.isfinite(alphas[-1]):
            gone = Ritz(np.array([np.nan]), np.array([np.inf]), np.array([1.0]), len(alphas))
            return gone, gone
        if betas[-1] <= EXHAUSTED * max(np.max(np.abs(alphas)), np.max(betas)):
            whole = ritz(alphas, betas)
            return whole, whole
    whole = ritz(alphas, betas)
    if len(alphas) == start.size:
        return whole, whole
    fewer = max(2, 3 * len(alphas) // 4)
    return whole, ritz(alphas[:fewer], betas[:fewer])


def _smoothed(nodes: Ritz, grid: Array, sigma: float) -> Array:
    """Σ_j ω_j N(t; θ_j, σ²) on the grid."""
    distance = (grid[:, None] - nodes.values) / sigma
    return np.asarray(np.exp(-0.5 * distance**2) @ nodes.weights / (sigma * math.sqrt(2 * math.pi)))
