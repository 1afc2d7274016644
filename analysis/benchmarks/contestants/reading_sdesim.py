"""Readings by sdesim."""

from __future__ import annotations

import copy
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
    from sdesim.runs import RitzVectors, probe
    from sdesim.runs.exactness import Exactness

    torch.set_num_threads(1)
    module, loss, x, y = networks.network(problem["network"])
    theta = flat_parameters(module)
    # What is found out about network and loss at the first reading is kept, as a monitor keeps it.
    first = training.TorchOracle(module, loss, x, y, networks.BATCH)
    trial = first.trial
    before = RitzVectors()
    if problem["what"] not in ("gradients", "exact"):
        first.hvp(theta, np.ones(len(theta)))
    if problem["what"] == "later":
        # The reading before was a step ago.
        probe(first, theta, samples=2, rng=np.random.default_rng(0), step_size=0.1, ritz=before)
        theta = theta - 0.1 * first.gradient(theta)

    def run(steps: int) -> Any:
        oracle = training.TorchOracle(module, loss, x, y, networks.BATCH, trial=trial)
        oracle.path, oracle.hvp_method = first.path, first.hvp_method
        if problem["what"] == "gradients":
            found = probe(
                oracle, theta, samples=networks.BATCHES, rng=np.random.default_rng(0), step_size=0.1,
                curvature=False,
            )  # fmt: skip
            FOUND["found"] = float(found["noise"])
        elif problem["what"] in ("hessian", "later", "without_draws"):
            exactness = Exactness() if problem["what"] == "without_draws" else None
            found = probe(
                oracle, theta, samples=2 * networks.BATCHES, rng=np.random.default_rng(1), step_size=0.1,
                exactness=exactness, ritz=copy.deepcopy(before),
            )  # fmt: skip
            FOUND["found"] = float(found["lambda_max"])
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
