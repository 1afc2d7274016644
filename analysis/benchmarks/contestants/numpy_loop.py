"""The vectorised loop that one writes with NumPy; stable draws by scipy.stats.levy_stable.rvs."""

from __future__ import annotations

from typing import Any

import numpy as np
from serve import Run, merton_drift, serve


def make(problem: dict[str, Any]) -> Run:
    """One array of states (K, d), a few array operations for each step."""
    shape = (problem["trajectories"], problem["dim"])
    dt, rng = problem["dt"], np.random.default_rng(problem["seed"])
    if problem["name"] in ("C", "draws"):
        from scipy.stats import levy_stable

    if problem["name"] == "draws":
        return lambda steps: levy_stable.rvs(problem["alpha"], 0.0, size=shape[0], random_state=rng)

    if problem["name"] == "merton":
        return _merton(problem)

    def gaussian() -> Any:
        return np.sqrt(2.0 * problem["noise"] * dt) * rng.standard_normal(shape)

    def stable() -> Any:
        scale = problem["noise"] * dt ** (1.0 / problem["alpha"])
        jumps = levy_stable.rvs(problem["alpha"], 0.0, scale=scale, size=shape, random_state=rng)
        return np.clip(jumps, -problem["truncation"], problem["truncation"])

    increment = stable if problem["name"] == "C" else gaussian
    rates = np.asarray(problem["eigenvalues"])

    def run(steps: int) -> Any:
        x = np.full(shape, problem["theta0"])
        for _ in range(steps):
            grad = rates * x if problem["name"] == "B" else x * (x * x - 1.0)
            x += increment() - dt * grad
        return x

    return run


def _merton(problem: dict[str, Any]) -> Run:
    """The logarithm of a price: a Poisson number of jumps in each step, whose sum is one normal draw."""
    count, dt, rng = problem["trajectories"], problem["dt"], np.random.default_rng(problem["seed"])
    drift, width = merton_drift(problem) * dt, problem["volatility"] * dt**0.5

    def run(steps: int) -> Any:
        x = np.full(count, problem["theta0"])
        for _ in range(steps):
            jumps = rng.poisson(problem["rate"] * dt, count)
            x += drift + width * rng.standard_normal(count)
            spread = problem["jump_std"] * np.sqrt(jumps) * rng.standard_normal(count)
            x += problem["jump_mean"] * jumps + spread
        return x

    return run


if __name__ == "__main__":
    serve(make, "numpy")
