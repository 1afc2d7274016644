"""sdeint: itoEuler, one trajectory at a time, as its interface has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import sdeint
from serve import Run, serve


def make(problem: dict[str, Any]) -> Run:
    """A Python function for the drift and one for the diffusion matrix."""
    factor = np.array([[(2.0 * problem["noise"]) ** 0.5]])
    rng = np.random.default_rng(problem["seed"])
    start = np.array([problem["theta0"]])

    def run(steps: int) -> Any:
        times = problem["dt"] * np.arange(steps + 1)
        ends = [
            sdeint.itoEuler(
                lambda x, t: -x * (x * x - 1.0), lambda x, t: factor, start, times, generator=rng
            )[-1]
            for _ in range(problem["trajectories"])
        ]
        return np.array(ends)

    return run


if __name__ == "__main__":
    serve(make, "sdeint")
