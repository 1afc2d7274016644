"""What is compared: each tool and its baselines, every one tuned on a grid of the same size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR

from analysis.training_tools.gauge import Gauge
from analysis.training_tools.problems import Problem, Size
from analysis.training_tools.trainer import Outcome, Plan, train
from sdesim.training import PhaseLR, PhaseWarmup, batch_size_for

LARGEST_BATCH = 512
# Where the corrected schedule starts; within a few evaluations it is where its rule wants it.
START = 0.15


@dataclass(frozen=True)
class Arm:
    """One way to train: the plans of its grid, by the value that is tuned."""

    name: str
    grid: tuple[tuple[str, Plan], ...]


@dataclass(frozen=True)
class Result:
    """An arm's outcomes on the seeds of the comparison, with the value chosen on the tuning seeds.

    Attributes:
        free: the same plan, if measuring cost nothing; empty for an arm that measures nothing.
    """

    name: str
    chosen: str
    outcomes: tuple[Outcome, ...]
    free: tuple[Outcome, ...]


def tuned(problem: Problem, arm: Arm, size: Size) -> Result:
    """Choose by mean validation loss on the tuning seeds, then train on the seeds of the comparison."""
    scores = [
        np.mean([_once(problem, plan, s, size).validation_loss for s in size.tuning]) for _, plan in arm.grid
    ]
    label, plan = arm.grid[int(np.argmin(scores))]
    paid = tuple(_once(problem, plan, s, size) for s in size.seeds)
    unpaid = replace(plan, free=True)
    free = tuple(_once(problem, unpaid, s, size) for s in size.seeds) if plan.parts else ()
    return Result(arm.name, label, paid, free)


def _once(problem: Problem, plan: Plan, seed: int, size: Size) -> Outcome:
    return train(problem, plan, seed, size.budget, size.probes)[0]


def _cosine(optimizer, gauge, steps):  # type: ignore[no-untyped-def]
    return CosineAnnealingLR(optimizer, steps)


def _linear(optimizer, gauge, steps):  # type: ignore[no-untyped-def]
    return LinearLR(optimizer, 0.1, total_iters=steps // 10)


def _phase(optimizer, gauge, steps, **choice):  # type: ignore[no-untyped-def]
    return PhaseLR(optimizer, gauge, **choice)


def _warm(optimizer, gauge, steps, method):  # type: ignore[no-untyped-def]
    return PhaseWarmup(optimizer, gauge, method)


LITERAL = frozenset({"literal"})
GRADIENT = frozenset({"gradient"})
SHARPNESS = GRADIENT | {"sharpness"}
BEND = SHARPNESS | {"bend"}


def _over(
    values: Sequence[float], make: Callable[[float], Plan], what: str = "rate"
) -> tuple[tuple[str, Plan], ...]:
    return tuple((f"{what} {v:g}", make(v)) for v in values)


def rate_arms(size: Size) -> tuple[list[Arm], list[Arm]]:
    """(baselines, tools) of the learning rate."""

    def corrected(ceiling: str, parts: frozenset[str], scale: float) -> Plan:
        return Plan(START, parts=parts, schedule=partial(_phase, ceiling=ceiling, scale=scale))

    literal = partial(_phase, bands="literal")
    base = [
        Arm("constant", _over(size.rates, Plan)),
        Arm("cosine", _over(size.rates, lambda r: Plan(r, schedule=_cosine, per_step=True))),
    ]
    tools = [
        Arm("PhaseLR literal", _over(size.rates, lambda r: Plan(r, parts=LITERAL, schedule=literal))),
        Arm("PhaseLR sharpness", _over(size.scales, partial(corrected, "sharpness", SHARPNESS), "scale")),
        Arm("PhaseLR gradient", _over(size.scales, partial(corrected, "gradient", BEND), "scale")),
    ]
    return base, tools


def warmup_arms(size: Size) -> tuple[list[Arm], list[Arm]]:
    """(baselines, tools) of the warm-up, at momentum 0.9."""

    def plan(rate: float) -> Plan:
        return Plan(rate, momentum=0.9)

    def tool(method: str, parts: frozenset[str], rate: float) -> Plan:
        return replace(plan(rate), parts=parts, schedule=partial(_warm, method=method))

    base = [
        Arm("no warm-up", _over(size.fast_rates, plan)),
        Arm(
            "linear warm-up",
            _over(size.fast_rates, lambda r: replace(plan(r), schedule=_linear, per_step=True)),
        ),
    ]
    tools = [
        Arm("PhaseWarmup literal", _over(size.fast_rates, partial(tool, "literal", LITERAL))),
        Arm("PhaseWarmup corrected", _over(size.fast_rates, partial(tool, "corrected", BEND))),
    ]
    return base, tools


def _resized(target: float | str, gauge: Gauge, batch: int) -> int:
    found = gauge.history[-1]
    # A network that has diverged has no gradients to measure.
    wanted = None if found.C_1 is None else batch_size_for(found, target).batch_size
    return batch if wanted is None else min(max(wanted, 4), LARGEST_BATCH)


def batch_arms(size: Size) -> tuple[list[Arm], list[Arm]]:
    """(baselines, tools) of the batch size, whose C_1 comes from the same cheap draws for both targets."""
    base = [
        Arm(
            "fixed batch",
            tuple((f"rate {r:g}, batch {b}", Plan(r, batch=b)) for r in size.rates for b in size.batches),
        )
    ]
    literal, critical = partial(_resized, "literal"), partial(_resized, 1.0)
    tools = [
        Arm("batch for C in [1.5, 3]", _over(size.rates, lambda r: Plan(r, parts=GRADIENT, resize=literal))),
        Arm("critical batch", _over(size.rates, lambda r: Plan(r, parts=GRADIENT, resize=critical))),
    ]
    return base, tools
