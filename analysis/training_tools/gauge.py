"""Measurements with a count of what they cost, in gradients of single examples.

A gradient of one example counts 1, its loss alone 1/3, a Hessian-vector product 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from analysis.training_tools.problems import LOSS, Problem
from sdesim import estimators as est
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training import Measurement, TorchOracle

SINGLES, CURVED, POWER_STEPS, BENDS = 128, 128, 2, 2
LITERAL_BATCHES = 20
FORWARD, PRODUCT = 1 / 3, 2


def price(parts: frozenset[str], batch: int, validation: int) -> float:
    """What one measurement of these parts costs."""
    prices = {
        "literal": LITERAL_BATCHES * batch, "gradient": SINGLES, "sharpness": PRODUCT * CURVED * POWER_STEPS,
        "bend": PRODUCT * CURVED * BENDS, "validation": FORWARD * validation,
    }  # fmt: skip
    return sum(prices[part] for part in parts)


@dataclass
class Gauge:
    """What schedules see as a monitor: `history`; and what it has cost so far.

    "literal": C of 20 minibatches of the training batch (§11.1). "gradient": C from 128 single examples,
    debiased; with "sharpness" λ_max by two steps of power iteration on 128 examples, from the last vector;
    with "bend" C* from gᵀHg of two minibatches, on 128 examples. "validation": the validation loss.

    Attributes:
        problem, seed: whose examples, and the stream of draws.
        parts: any of the names above.
        history: measurements so far, oldest first.
        cost: gradients of single examples spent on them.
    """

    problem: Problem
    seed: int
    parts: frozenset[str]
    history: list[Measurement] = field(default_factory=list)
    cost: float = 0.0
    top: np.ndarray | None = None

    def measure(self, module: nn.Module, step: int, rate: float, batch: int) -> Measurement:
        """Measure the network as it stands and keep the measurement."""
        rng = np.random.default_rng([self.seed, step, 77])
        theta = flat_parameters(module)
        found: dict[str, object] = {}
        if not np.isfinite(theta).all():
            found = {"loss": float("inf")}
        else:
            if "literal" in self.parts:
                found |= self._literal(module, theta, batch, rng)
            if "gradient" in self.parts:
                found |= self._corrected(module, theta, rate, batch, rng)
            if "validation" in self.parts:
                found["validation_loss"] = mean_loss(module, self.problem.x_valid, self.problem.y_valid)
        made = Measurement.of(step, learning_rate=rate, batch_size=batch, **found)  # type: ignore[arg-type]
        self.history.append(made)
        self.cost += price(self.parts, batch, len(self.problem.x_valid))
        return made

    def _literal(
        self, module: nn.Module, theta: np.ndarray, batch: int, rng: np.random.Generator
    ) -> dict[str, object]:
        oracle = TorchOracle(module, LOSS, self.problem.x, self.problem.y, batch)
        c = est.consolidation_ratio(oracle.gradients(theta, LITERAL_BATCHES, rng), method="literal")
        p = est.probability(c)
        index = est.intelligence(p, method="literal").value
        return {"literal": {"C_alpha": c.value, "p": p.value, "I": index}}

    def _corrected(
        self, module: nn.Module, theta: np.ndarray, rate: float, batch: int, rng: np.random.Generator
    ) -> dict[str, object]:
        x, y = self.problem.x, self.problem.y
        draws = TorchOracle(module, LOSS, x, y, 1).gradients(theta, SINGLES, rng)
        one = est.consolidation_ratio(draws)
        c = est.at_batch_size(one, 1, batch)
        found: dict[str, object] = {"C_1": one, "C_alpha": c, "p": est.probability(c)}
        rows = torch.from_numpy(rng.choice(len(x), CURVED, replace=False))
        curved = TorchOracle(module, LOSS, x[rows], y[rows], 1)
        found["loss"] = curved.loss(theta)
        if "sharpness" in self.parts:
            found |= self._sharpness(curved, theta, rate, rng)
        if "bend" in self.parts:
            found["C_star"] = self._threshold(curved, theta, draws, batch, rate, c, rng)
        return found

    def _sharpness(
        self, oracle: TorchOracle, theta: np.ndarray, rate: float, rng: np.random.Generator
    ) -> dict[str, object]:
        v = rng.standard_normal(theta.size) if self.top is None else self.top
        v /= np.linalg.norm(v)
        for _ in range(POWER_STEPS):
            product = oracle.hvp(theta, v)
            value = float(v @ product)
            error = float(np.linalg.norm(product - value * v))
            v = product / max(float(np.linalg.norm(product)), 1e-30)
        self.top = v
        span = (value, value - error, value + error)
        margin = tuple(2 - rate * x for x in (value, value + error, value - error))
        return {"lambda_max": span, "lambda_crit": 2 / rate, "S": margin}

    def _threshold(
        self, oracle: TorchOracle, theta: np.ndarray, draws: np.ndarray, batch: int, rate: float,
        c: est.Estimate, rng: np.random.Generator,
    ) -> float:  # fmt: skip
        """C* = (η/2)·E gᵀHg/Tr Σ at the training batch."""
        size = min(batch, SINGLES)
        groups = [draws[rng.choice(SINGLES, size, replace=False)].mean(axis=0) for _ in range(BENDS)]
        bend = float(np.mean([g @ oracle.hvp(theta, g) for g in groups]))
        return 0.5 * rate * bend / (float(c.details.get("noise", draws.var(axis=0, ddof=1).sum())) / batch)


def mean_loss(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Mean cross-entropy."""
    with torch.no_grad():
        return float(LOSS(module(x), y))
