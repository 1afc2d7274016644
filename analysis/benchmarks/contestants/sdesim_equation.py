"""sdesim where an equation stands in the place of a surface, and where an exit is watched."""

from __future__ import annotations

from typing import Any

import numpy as np
from serve import Run, merton_drift, serve, start

from sdesim import SDE, events, jumps, noise, sdes, simulate, surfaces

_LORENZ = ("sigma", "rho", "beta", "factor")
_HESTON = ("drift", "rate", "mean", "volatility", "correlation", "start_variance")


def make(problem: dict[str, Any]) -> Run:
    """The variant says how the double well is written down, or how its exit is watched."""
    equation, driving = _build(problem)
    watched = []
    if problem["name"] in ("bridge", "walls"):
        watched = [events.Exit(upper=0.0, monitoring=problem["variant"])]

    def run(steps: int) -> Any:
        found = simulate(
            equation,
            driving,
            start(problem),
            dt=problem["dt"],
            steps=steps,
            trajectories=problem["trajectories"],
            seed=problem["seed"],
            scheme="euler-maruyama",
            save_every=steps,
            events=watched,
            threads=problem["threads"],
            progress=False,
        )
        return found["theta"].values[:, -1]

    return run


def _build(problem: dict[str, Any]) -> tuple[Any, list[Any]]:
    """What stands in the surface's place, and the noises beside it."""
    name = problem["name"]
    if name == "lorenz":
        return sdes.Lorenz(**{k: problem[k] for k in _LORENZ}), []
    if name == "heston":
        return sdes.Heston(**{k: problem[k] for k in _HESTON}), []
    if name == "merton":
        drift, volatility = merton_drift(problem), problem["volatility"]
        jump = jumps.Normal(problem["jump_mean"], problem["jump_std"])
        price = SDE(lambda t, x: drift, lambda t, x: volatility, dim=1)
        return price, [noise.CompoundPoisson(problem["rate"], jump)]
    if name == "linear":
        return _linear(problem)
    if name == "walls":
        return surfaces.DoubleWell(barrier=0.25), [noise.Stable(problem["alpha"], problem["noise"])]
    return _well(problem)


def _linear(problem: dict[str, Any]) -> tuple[Any, list[Any]]:
    """dx = −x dt + √(2D) dW."""
    if problem["variant"] == "sde":
        return sdes.OrnsteinUhlenbeck(rate=[[1.0]], factor=(2.0 * problem["noise"]) ** 0.5), []
    return surfaces.Quadratic(problem["eigenvalues"]), [noise.Gaussian(diffusion=problem["noise"])]


def _well(problem: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The double well of problem A, as the variant has it."""
    driving = [noise.Gaussian(diffusion=problem["noise"])]
    factor = (2.0 * problem["noise"]) ** 0.5
    if problem["variant"] == "sde":
        return SDE(lambda t, x: -x * (x * x - 1.0), lambda t, x: factor, dim=1), []
    if problem["variant"] == "custom":
        return surfaces.custom(
            lambda x: 0.25 * np.sum((x * x - 1.0) ** 2), lambda x: x * (x * x - 1.0), dim=1
        ), driving
    return surfaces.DoubleWell(barrier=0.25), driving


if __name__ == "__main__":
    serve(make, "sdesim", "numba", "numpy")
