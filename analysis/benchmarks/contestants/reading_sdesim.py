"""Readings by sdesim."""

from __future__ import annotations

from typing import Any

import networks
import numpy as np
import torch
from serve import Run, serve

FOUND: dict[str, float] = {}


def make(problem: dict[str, Any]) -> Run:
    """What is asked for, at the network's first weights."""
    from sdesim import training
    from sdesim.estimators import lambda_max
    from sdesim.networks.fully_connected import flat_parameters
    from sdesim.runs import probe

    torch.set_num_threads(1)
    module, loss, x, y = networks.network(problem["network"])
    theta = flat_parameters(module)

    def run(steps: int) -> Any:
        oracle = training.TorchOracle(module, loss, x, y, networks.BATCH)
        if problem["what"] == "gradients":
            found = probe(
                oracle, theta, samples=networks.BATCHES, rng=np.random.default_rng(0), step_size=0.1,
                curvature=False,
            )  # fmt: skip
            FOUND["found"] = float(found["noise"])
        elif problem["what"] == "lambda_max":
            FOUND["found"] = lambda_max(lambda v: oracle.hvp(theta, v), len(theta), tol=1e-3).value
        else:
            moments = oracle.moments(theta)
            if moments is None:
                raise RuntimeError(oracle.inexact)
            FOUND["found"] = networks.BATCH * float(moments.covariance.variance.sum())

    return run


if __name__ == "__main__":
    serve(make, "sdesim", extra=lambda problem: FOUND)
