"""What a monitor reads at one moment: of gradients that are held together, or of one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from sdesim.runs import probe
from sdesim.runs.exactness import Exactness
from sdesim.runs.virtual_steps import virtual_steps
from sdesim.training.probes.network_oracle import TorchOracle
from sdesim.training.probes.preconditioning import linear_step
from sdesim.training.probes.reading import Reading, trained_metric
from sdesim.training.probes.streamed import Streamed


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """What is read.

    Attributes:
        samples: gradients n. branches: virtual steps. gradient, curvature: which parts.
        directions: (k, D). model: "plain", "linear" or "none" as of `optimizer_attributes`.
        rate: η. seed, step: of the monitor, of the training.
        total: N, where λ_max is that of some of N examples, else 0.
        exact: whether to do without draws where that can be.
    """

    samples: int
    branches: int
    gradient: bool
    curvature: bool
    directions: Any
    optimizer: Any
    model: str | None
    rate: float
    seed: tuple[int, int]
    step: int
    total: int
    exact: bool = False


def probed(
    reading: Reading, module: nn.Module, oracle: TorchOracle, stream: Streamed | None, asked: Asked,
    rng: np.random.Generator, failures: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    """The variables of the schema that gradients and curvature give; reasons of what fails go to failures.

    Args:
        stream: where the gradients are too many to be held, else None.
    """
    if not asked.gradient:
        return {}
    if stream is not None:
        values = reading.streamed(
            stream, oracle, asked.samples, rng, step_size=asked.rate, directions=asked.directions,
            curvature=asked.curvature, optimizer=asked.optimizer, failures=failures,
        )  # fmt: skip
    else:
        values = _held(reading, module, oracle, asked, rng, failures)
    if "lambda_max" in values and asked.total:
        values |= reading.subsampled(oracle, asked.total, rng, streamed=stream is not None)
    return values


def _held(
    reading: Reading, module: nn.Module, oracle: TorchOracle, asked: Asked, rng: np.random.Generator,
    failures: dict[str, str],
) -> dict[str, Any]:  # fmt: skip
    only, theta = reading.only, reading.theta()
    metric = trained_metric(module, asked.optimizer, asked.rate, only)
    values: dict[str, Any] = probe(
        oracle, theta, samples=asked.samples, rng=rng, step_size=asked.rate,
        directions=reading.along(asked.directions), groups=oracle.groups, curvature=asked.curvature,
        failures=failures, metric=metric, ritz=reading.ritz,
        step=linear_step(module, asked.optimizer, only) if asked.model == "linear" else None,
        exactness=Exactness() if asked.exact else None,
    )  # fmt: skip
    if "lambda_max" in values and asked.branches and asked.model == "plain":
        values |= virtual_steps(
            oracle, theta, asked.branches, step_size=asked.rate, seed=(*asked.seed, asked.step),
            trained=None if metric is None else metric.trained,
        )  # fmt: skip
    return values
