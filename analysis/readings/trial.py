"""One trial: a small network trained for a while, and what its next step does to the loss, in three ways."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import stdtrit
from torch import nn

import sdesim
from analysis.readings.optimizers import EVERYTHING, WITHOUT_BIAS
from sdesim.runs import probe, probe_rng
from sdesim.training.data.undisturbed import undisturbed
from sdesim.training.loop.one_seed import isolated_torch, trained_parameters, update
from sdesim.training.loop.prepared import Prepared, prepare
from sdesim.training.loop.progress import branched_progress
from sdesim.training.loop.recipe import Recipe
from sdesim.training.loop.trajectory import SeedState, _advance, begin
from sdesim.training.probes.branching import Taken, branched, objective_of
from sdesim.training.probes.preconditioning import linear_step

EXAMPLES, INPUTS, BATCH, STEPS = 512, 8, 16, 200
SAMPLES, BRANCHES, TRUTH = 64, 16, 2000


@dataclass(frozen=True)
class Interval:
    """A value within half-width at 95%; NaN where there is none."""

    value: float
    half: float

    def holds(self, truth: Interval) -> bool:
        """Whether the other value lies within both errors."""
        return abs(self.value - truth.value) <= math.hypot(self.half, truth.half)


@dataclass(frozen=True)
class Trial:
    """E ΔL of the next step."""

    optimizer: str
    seed: int
    predicted: Interval
    measured: Interval
    truth: Interval


def examples(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and noisy labels of two classes."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.randn(EXAMPLES, INPUTS, generator=rng)
    y = (x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.7 * torch.randn(EXAMPLES, generator=rng) > 0).long()
    return x, y


def network(seed: int, bias: bool) -> nn.Module:
    """8-16-2 with tanh."""
    with isolated_torch():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(INPUTS, 16, bias=bias), nn.Tanh(), nn.Linear(16, 2, bias=bias))


def trial(name: str, seed: int, steps: int = STEPS, truth: int = TRUTH) -> Trial:
    """Train with one optimizer and find the change of the loss by its next step.

    Args:
        steps: before. truth: branched steps, each on a batch drawn with replacement, with the loss of all
            examples before and after.
    """
    recipe = Recipe(
        network(seed, name not in WITHOUT_BIAS), nn.functional.cross_entropy, examples(seed), None,
        EVERYTHING[name], steps=steps, batch_size=BATCH, seed=seed, sampling="with-replacement",
    )  # fmt: skip
    probes = sdesim.Probes(every=steps, samples=SAMPLES, branches=BRANCHES)
    prepared = prepare(recipe, save_every=None, save=("loss",), probes=probes)
    with isolated_torch():
        state = begin(prepared, 0)
        for _ in range(steps):
            _advance(prepared, state)
            state.step += 1
        return Trial(
            name,
            seed,
            _predicted(prepared, state),
            _measured(prepared, state),
            _truth(prepared, state, truth),
        )


def _predicted(prepared: Prepared, state: SeedState) -> Interval:
    """By the formula, from gradient draws and Hessian products."""
    step = linear_step(state.model, state.optimizer)
    if step is None:
        return Interval(math.nan, math.nan)
    oracle = prepared.oracle(state.model, BATCH, 0)
    found: dict[str, Any] = probe(
        oracle, trained_parameters(state.model, None), samples=SAMPLES, step=step,
        rng=probe_rng(prepared.recipe.seed, 0, state.step), step_size=1.0,
    )  # fmt: skip
    wide, narrow = float(stdtrit(SAMPLES - 1, 0.975)), float(stdtrit(7, 0.975))
    half = math.hypot(wide * found["step_change_error"], narrow * found["step_spread_error"])
    return Interval(found["step_change"] + found["step_spread"], half)


def _measured(prepared: Prepared, state: SeedState) -> Interval:
    found = branched_progress(prepared, state, state.step)
    return Interval(found["progress"], float(stdtrit(BRANCHES - 1, 0.975)) * found["progress_error"])


def _truth(prepared: Prepared, state: SeedState, count: int) -> Interval:
    rng = torch.Generator().manual_seed(prepared.recipe.seed + 7_000_000)
    x, y = prepared.train.x, prepared.train.y

    def advance(k: int) -> None:
        rows = torch.randint(EXAMPLES, (BATCH,), generator=rng)
        update(state.model, prepared.recipe.loss_fn, state.optimizer, x[rows], y[rows])

    objective = objective_of(state.model, prepared.recipe.loss_fn, [(x, y)] * count, [0] * count)
    with undisturbed(0), torch.enable_grad():
        found = branched(Taken(state.model, state.optimizer), advance, {"progress": objective}, count)
    return Interval(found["progress"], 1.96 * found["progress_error"])


def means(trials: list[Trial], part: str) -> Interval:
    """Mean over trials, and the half-width of that mean."""
    held = [getattr(t, part) for t in trials]
    values, halves = np.array([h.value for h in held]), np.array([h.half for h in held])
    return Interval(float(values.mean()), float(np.sqrt((halves**2).sum())) / len(held))
