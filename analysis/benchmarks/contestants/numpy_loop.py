"""The vectorised loop that one writes with NumPy; stable draws by scipy.stats.levy_stable.rvs."""

from __future__ import annotations

from typing import Any

import numpy as np
from serve import Run, serve


def make(problem: dict[str, Any]) -> Run:
    """One array of states (K, d), a few array operations for each step."""
    shape = (problem["trajectories"], problem["dim"])
    dt, rng = problem["dt"], np.random.default_rng(problem["seed"])
    if problem["name"] in ("C", "draws"):
        from scipy.stats import levy_stable

    if problem["name"] == "draws":
        return lambda steps: levy_stable.rvs(problem["alpha"], 0.0, size=shape[0], random_state=rng)

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


if __name__ == "__main__":
    serve(make, "numpy")
