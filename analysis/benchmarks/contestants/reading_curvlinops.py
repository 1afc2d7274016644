"""λ_max by curvlinops and SciPy's Lanczos."""

from __future__ import annotations

from typing import Any

import networks
import torch
from curvlinops import HessianLinearOperator
from scipy.sparse.linalg import eigsh
from serve import Run, serve

FOUND: dict[str, float] = {}


def make(problem: dict[str, Any]) -> Run:
    """The largest eigenvalue, to a thousandth as sdesim's."""
    torch.set_num_threads(1)
    module, loss, x, y = networks.network(problem["network"])
    parameters = list(module.parameters())

    def run(steps: int) -> Any:
        operator = HessianLinearOperator(module, loss, parameters, [(x, y)], check_deterministic=False)
        FOUND["found"] = float(eigsh(operator.to_scipy(), k=1, which="LA", tol=1e-3)[0][0])

    return run


if __name__ == "__main__":
    serve(make, "curvlinops-for-pytorch", "torch", extra=lambda problem: FOUND)
