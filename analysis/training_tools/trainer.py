"""One training within a budget of gradient evaluations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from analysis.training_tools.gauge import Gauge, mean_loss
from analysis.training_tools.problems import LOSS, Problem

# A schedule sees (optimizer, gauge, total steps if nothing is measured); it is stepped as it says.
Schedule = Callable[[torch.optim.Optimizer, Gauge, int], Any]


@dataclass(frozen=True)
class Plan:
    """How one arm trains.

    Attributes:
        rate: base learning rate. batch: examples per step. momentum, decay: of torch's SGD.
        parts: what the arm measures, see `Gauge`; nothing measured, nothing paid.
        schedule: makes a torch scheduler, or None. per_step: step it after every optimizer step, else after
            every measurement.
        resize: next batch size from the gauge and the present one, after every measurement; or None.
        free: measure without paying, to tell what the rule does from what measuring costs.
    """

    rate: float
    batch: int = 32
    momentum: float = 0.0
    decay: float = 0.0
    parts: frozenset[str] = frozenset()
    schedule: Schedule | None = None
    per_step: bool = False
    resize: Callable[[Gauge, int], int] | None = None
    free: bool = False


@dataclass(frozen=True)
class Outcome:
    """The end of one training; a diverged one counts as chance."""

    test_loss: float
    test_accuracy: float
    validation_loss: float
    steps: int
    spent: float
    probe_share: float
    diverged: bool
    last_rate: float
    last_batch: int


@dataclass(frozen=True)
class Point:
    """One measured point of a training: gradients spent on training until then, and how good it is."""

    gradients: float
    test_loss: float
    test_accuracy: float


def train(
    problem: Problem, plan: Plan, seed: int, budget: int, probes: int, trace: list[Point] | None = None
) -> tuple[Outcome, nn.Module, Gauge]:
    """Train until the budget is spent, measuring after every `probes`-th of it, costs not counted.

    Args:
        trace: receives test values at each measurement, which cost nothing.
    """
    module = problem.network(seed)
    optimizer = torch.optim.SGD(
        module.parameters(), plan.rate, momentum=plan.momentum, weight_decay=plan.decay, foreach=False
    )
    gauge = Gauge(problem, seed, plan.parts)
    schedule = plan.schedule(optimizer, gauge, budget // plan.batch) if plan.schedule else None
    order, batch, steps, spent, due = _stream(len(problem.x), seed), plan.batch, 0, 0.0, 0.0
    while spent + (0.0 if plan.free else gauge.cost) + batch <= budget:
        # The first after one step: torch's schedules want to be stepped after the optimizer.
        if plan.parts and steps and spent >= due:
            due = spent + budget / probes
            gauge.measure(module, steps, optimizer.param_groups[0]["lr"], batch)
            if trace is not None:
                loss = mean_loss(module, problem.x_test, problem.y_test)
                trace.append(Point(spent, loss, _accuracy(module, problem)))
            if schedule is not None and not plan.per_step:
                schedule.step()
            if plan.resize is not None:
                batch = plan.resize(gauge, batch)
            continue
        rows = torch.from_numpy(np.fromiter(order, np.int64, batch))
        optimizer.zero_grad()
        loss = LOSS(module(problem.x[rows]), problem.y[rows])
        loss.backward()
        optimizer.step()
        if schedule is not None and plan.per_step:
            schedule.step()
        steps, spent = steps + 1, spent + batch
    return _outcome(problem, module, optimizer, gauge, steps, spent, batch), module, gauge


def _stream(n: int, seed: int) -> Iterator[int]:
    """Examples in shuffled epochs, the same for all arms of a seed."""
    rng = np.random.default_rng([seed, 11])
    while True:
        yield from rng.permutation(n).tolist()


def _accuracy(module: nn.Module, problem: Problem) -> float:
    with torch.no_grad():
        return float((module(problem.x_test).argmax(1) == problem.y_test).float().mean())


def _outcome(
    problem: Problem, module: nn.Module, optimizer: torch.optim.Optimizer, gauge: Gauge, steps: int,
    spent: float, batch: int,
) -> Outcome:  # fmt: skip
    loss = mean_loss(module, problem.x_test, problem.y_test)
    valid = mean_loss(module, problem.x_valid, problem.y_valid)
    chance = math.log(problem.widths[-1])
    diverged = not math.isfinite(loss) or not math.isfinite(valid)
    return Outcome(
        chance if diverged else loss,
        1 / problem.widths[-1] if diverged else _accuracy(module, problem),
        chance if diverged else valid,
        steps,
        spent + gauge.cost,
        gauge.cost / max(spent + gauge.cost, 1.0),
        diverged,
        float(optimizer.param_groups[0]["lr"]),
        batch,
    )
