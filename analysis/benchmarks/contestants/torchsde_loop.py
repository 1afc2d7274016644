"""torchsde: Euler on a batch, diagonal noise, float64."""

from __future__ import annotations

from typing import Any

import torch
import torchsde
from serve import Run, serve


def make(problem: dict[str, Any]) -> Run:
    """Its own Brownian interval, no gradients."""
    torch.set_num_threads(1)
    torch.manual_seed(problem["seed"])
    rates = torch.tensor(problem["eigenvalues"], dtype=torch.float64)

    class Langevin(torch.nn.Module):
        noise_type, sde_type = "diagonal", "ito"

        def f(self, t: Any, x: Any) -> Any:
            return -rates * x if problem["name"] == "B" else -x * (x * x - 1.0)

        def g(self, t: Any, x: Any) -> Any:
            return torch.full_like(x, (2.0 * problem["noise"]) ** 0.5)

    sde = Langevin()
    shape, dt = (problem["trajectories"], problem["dim"]), problem["dt"]

    def run(steps: int) -> Any:
        x = torch.full(shape, problem["theta0"], dtype=torch.float64)
        times = torch.tensor([0.0, dt * steps], dtype=torch.float64)
        with torch.no_grad():
            return torchsde.sdeint(sde, x, times, method="euler", dt=dt)[-1].numpy()

    return run


if __name__ == "__main__":
    serve(make, "torchsde", "torch")
