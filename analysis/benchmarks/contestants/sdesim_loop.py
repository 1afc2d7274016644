"""sdesim itself, by its public function, saving the two ends of a run only."""

from __future__ import annotations

from typing import Any

import numpy as np
from serve import Run, serve, start

from sdesim import noise, simulate, surfaces


def make(problem: dict[str, Any]) -> Run:
    """The problem's surface and noise, or the draws of `sample_stable`; the variant is its sampler."""
    if problem["name"] == "draws":
        count, sampler = problem["trajectories"], _sampler(problem)
        return lambda steps: noise.sample_stable(
            problem["alpha"], 0.0, count, problem["seed"], sampler=sampler
        )
    surface, driving = build(problem)
    theta0 = start(problem)

    def run(steps: int) -> Any:
        found = simulate(
            surface,
            driving,
            theta0,
            dt=problem["dt"],
            steps=steps,
            trajectories=problem["trajectories"],
            seed=problem["seed"],
            # The scheme of the peers and of the C loop, whatever the noise.
            scheme="euler-maruyama",
            save_every=steps,
            threads=problem["threads"],
            progress=False,
            dtype="float32" if problem["variant"] == "float32" else "float64",
        )
        return found["theta"].values[:, -1]

    return run


def _sampler(problem: dict[str, Any]) -> str | None:
    """The sampler that the variant names; else sdesim's own choice."""
    return "cms" if problem["variant"] == "cms" else None


def build(problem: dict[str, Any]) -> tuple[Any, Any]:
    """Surface and noise of problem A, B, C or D."""
    if problem["name"] == "C":
        driving: Any = noise.Stable(
            problem["alpha"],
            problem["noise"],
            truncation=problem["truncation"],
            sampler=_sampler(problem),
        )
    else:
        driving = noise.Gaussian(diffusion=problem["noise"])
    if problem["name"] in ("A", "C"):
        return surfaces.DoubleWell(barrier=0.25), driving
    if problem["name"] == "B":
        return surfaces.Quadratic(problem["eigenvalues"]), driving
    data = np.load(problem["data"])
    return surfaces.MLP(problem["widths"], data["x"], data["y"], "tanh", "cross_entropy"), driving


if __name__ == "__main__":
    serve(make, "sdesim", "numba", "numpy")
