"""Tr Σ₁ by sdesim from one backward pass, without the gradients of single examples."""

from __future__ import annotations

from typing import Any

import networks
import torch
from serve import Run, serve

FOUND: dict[str, float] = {}


def make(problem: dict[str, Any]) -> Run:
    """Of all examples, in one batch."""
    from sdesim import training

    torch.set_num_threads(1)
    module, loss, x, y = networks.network(problem["network"])

    def run(steps: int) -> Any:
        norms = training.example_norms(module, loss, x, y)
        FOUND["found"] = float(norms.squares.mean()) - norms.mean

    return run


if __name__ == "__main__":
    serve(make, "sdesim", extra=lambda problem: FOUND)
