"""jitcsde: the ensemble as one system of uncoupled equations, compiled by the C compiler it finds.

Its only scheme is the stochastic Runge–Kutta pair of Rackauckas & Nie, which does more for each step than
Euler does; the step size is held at dt.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jitcsde import jitcsde, y
from serve import Run, serve


def make(problem: dict[str, Any]) -> Run:
    """K wells as K components; symbolic processing grows with K."""
    count, dt = problem["trajectories"], problem["dt"]
    wells = jitcsde(
        [-y(i) * (y(i) ** 2 - 1) for i in range(count)],
        [(2.0 * problem["noise"]) ** 0.5] * count,
        additive=True,
        verbose=False,
    )
    wells.compile_C(verbose=False)

    def run(steps: int) -> Any:
        wells.set_initial_value(np.full(count, problem["theta0"]), 0.0)
        wells.set_seed(problem["seed"])
        wells.set_integration_parameters(atol=1e6, rtol=1e6, first_step=dt, min_step=dt, max_step=dt)
        return wells.integrate(dt * steps).reshape(count, 1)

    return run


if __name__ == "__main__":
    serve(make, "jitcsde")
