"""The loop that one writes with PyTorch: array operations, for a network torch.func's vmap(grad)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from serve import Run, serve, start


def make(problem: dict[str, Any]) -> Run:
    """States (K, d) in float64, one thread."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(problem["seed"])
    dt, scale = problem["dt"], (2.0 * problem["noise"] * problem["dt"]) ** 0.5
    point = torch.as_tensor(start(problem), dtype=torch.float64)
    grad = network_gradient(problem) if problem["name"] == "D" else lambda x: x * (x * x - 1.0)

    def run(steps: int) -> Any:
        x = point.expand(problem["trajectories"], problem["dim"]).clone()
        for _ in range(steps):
            z = torch.randn(x.shape, generator=generator, dtype=torch.float64)
            x = x - dt * grad(x) + scale * z
        return x.numpy()

    return run


def network_gradient(problem: dict[str, Any]) -> Any:
    """(K, d) → (K, d): the full-batch gradient of each network of the ensemble."""
    data = np.load(problem["data"])
    x, labels = torch.as_tensor(data["x"]), torch.as_tensor(data["y"])
    shapes = [(fan_out, fan_in) for fan_in, fan_out in pairwise(problem["widths"])]
    sizes = [size for rows, cols in shapes for size in (rows * cols, rows)]

    def loss(theta: Any) -> Any:
        parts = torch.split(theta, sizes)
        a = x
        for layer, shape in enumerate(shapes):
            a = torch.nn.functional.linear(a, parts[2 * layer].reshape(shape), parts[2 * layer + 1])
            if layer < len(shapes) - 1:
                a = torch.tanh(a)
        return torch.nn.functional.cross_entropy(a, labels)

    return torch.func.vmap(torch.func.grad(loss))


if __name__ == "__main__":
    serve(make, "torch")
