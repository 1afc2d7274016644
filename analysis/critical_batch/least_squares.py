"""Least squares on Gaussian inputs, where the expected loss of SGD at any batch size is a recursion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DIM, RATE, BATCH = 64, 0.05, 8
STEPS = (30, 300, 3000)


@dataclass(frozen=True)
class LeastSquares:
    """Inputs x ~ N(0, H), H diagonal with eigenvalues from 1 to 1/condition in equal ratios; labels with
    noise N(0, σ²). Weights are told by their error Δ."""

    condition: float
    sigma: float

    @property
    def lambdas(self) -> Array:
        """Eigenvalues of H, (d,)."""
        return np.asarray(self.condition ** -(np.arange(DIM) / (DIM - 1)))

    def loss(self, delta: Array) -> Array:
        """Expected loss above that of the best weights, of Δ (…, d)."""
        return np.asarray(0.5 * delta**2 @ self.lambdas)


# The one that stands among the six problems; and what they all vary over.
USUAL = LeastSquares(1400.0, 0.3)
CONDITIONS, SIGMAS = (10.0, 1400.0, 1e5), (0.03, 0.3, 3.0)


@dataclass(frozen=True)
class Moments:
    """μ, and the sums that the noise scales are made of, at an error Δ of the weights."""

    mean: Array
    signal: float
    noise: float
    hessian_signal: float
    hessian_noise: float
    deviations: Array


def moments(problem: LeastSquares, delta: Array) -> Moments:
    """Exact: Σ_1 = HΔΔᵀH + (ΔᵀHΔ + σ²)H."""
    lam = problem.lambdas
    mean = lam * delta
    level = float(lam @ delta**2) + problem.sigma**2
    own = mean**2 + level * lam
    bent = float(lam @ mean**2), float(lam @ own)
    return Moments(mean, float(mean @ mean), float(own.sum()), *bent, np.sqrt(own))


def checkpoints(problem: LeastSquares, seeds: int) -> list[Array]:
    """Δ (seeds, d) of sampled SGD at each of STEPS."""
    found: list[Array] = []
    root = np.sqrt(problem.lambdas)
    for seed in range(seeds):
        rng = np.random.default_rng([21, seed])
        delta, kept = rng.standard_normal(DIM), []
        for step in range(1, max(STEPS) + 1):
            x = rng.standard_normal((BATCH, DIM)) * root
            noise = problem.sigma * rng.standard_normal(BATCH)
            delta = delta - RATE * x.T @ (x @ delta - noise) / BATCH
            if step in STEPS:
                kept.append(delta)
        found.append(np.array(kept))
    return list(np.stack(found, axis=1))


class ExactBranches:
    """E Δ_k² of SGD, in the eigenbasis: m ← (1 − ηλ)² m + (η²/B)(λ² m + λ(λ·m + σ²)).

    Args:
        delta: (seeds, d). batch: None for none of the noise. rates: (R, seeds).
    """

    def __init__(self, problem: LeastSquares, delta: Array, batch: int | None, rates: Array) -> None:
        self.m = np.broadcast_to(delta**2, (len(rates), *delta.shape)).copy()
        self.share, self.rates = 0.0 if batch is None else 1 / batch, rates[..., None]
        self.lambdas, self.sigma = problem.lambdas, problem.sigma

    def advance(self, steps: int) -> None:
        """So many steps."""
        eta, lam = self.rates, self.lambdas
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps):
                level = (self.m @ lam)[..., None] + self.sigma**2
                noise = lam**2 * self.m + lam * level
                self.m = (1 - eta * lam) ** 2 * self.m + eta**2 * self.share * noise

    def losses(self) -> Array:
        """Expected loss above that of the best weights, twice: (2, R, seeds)."""
        made = 0.5 * self.m @ self.lambdas
        made = np.where(np.isfinite(made), made, np.inf)
        return np.stack([made, made])
