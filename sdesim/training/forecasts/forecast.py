"""The distribution of what a training will do next."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from sdesim.compiled.streams import TWIN, sequence
from sdesim.engine import simulate
from sdesim.errors import RunError
from sdesim.kinds.numbers import whole
from sdesim.runs import Probes
from sdesim.training.forecasts.origin import Origin, origin_of
from sdesim.training.forecasts.state import state_given, state_rebuilt
from sdesim.training.loop.recipe import Recipe
from sdesim.training.twinning.optimizer_steps import OptimizerSteps
from sdesim.training.twinning.own_steps import Start
from sdesim.training.twinning.plan import TwinPlan, plan_twin
from sdesim.training.twinning.twins import noises_of

_POINTS = 100
# Probed draws and readings of each, for sharpness and phase.
_PROBED, _READINGS = 16, 5
# A float32 network's loss differs by about this from that of the float64 surface.
_SAME_LOSS = 1e-4
REBUILT = "optimizer_state_rebuilt"


def forecast(
    source: Any,
    *,
    at: int | None = None,
    steps: int,
    draws: int = 64,
    recipe: Recipe | None = None,
    seed: int = 0,
    trajectory: int = 0,
    save_every: int | None = None,
    save: tuple[str, ...] = ("loss",),
    probes: Probes | bool = True,
    chunk: int | None = None,
    threads: int | None = None,
    progress: bool | Callable[[int, int], None] = False,
) -> xr.Dataset:
    """What a training will do in the steps to come: its twin, started from its present weights, optimizer
    state and step, many times.

    The twin is the SDE of the training's own optimizer at the rates of its schedule, which goes on, under
    Gaussian noise of the minibatches' covariance at every θ (that of shuffled epochs where it shuffles; an
    epoch begins anew at the start). Quantiles over the draws are the forecast: `sdesim.comparison.bands`,
    `time_to` and `phase_shares` give them, and `sdesim.plots.fan` draws them beside what happened.

    Args:
        source: a recorded run that holds θ; or a checkpoint: the path of one that `record` or ``torch.save``
        wrote (only
            numbers and tensors are read), or what it holds: "model", "optimizer" and "step", the steps made.
        at: a saved step of a run; default the last. steps: how many optimizer steps to foretell. draws: how
        many futures. recipe: of the training. seed: of the draws. trajectory: which seed of a run, or of
        seeds that were trained together. save_every: steps between saved points; default about 100. save: as
        of `simulate`. probes: what is measured of sharpness, phase and gradients; True: of 16 draws at six
        times; False: nothing. chunk: so many draws at once, for the memory they take. threads, progress: as
        of `simulate`.

    Returns:
        The Run of the draws: its step 0 is step `forecast_from` of the training's seed `forecast_of`, its
        time goes on from there. `forecast_state`: "given" or "rebuilt"; a recorded run holds no momenta or
        mean squares, so they are rebuilt from gradients along its path, and `forecast_flags` says
        `optimizer_state_rebuilt`.

    Raises:
        RunError: no recipe; a source that lacks what it takes, or that the recipe did not make; a training
        without a
            twin; a number out of range.

    Source: S. Malladi, K. Lyu, A. Panigrahi & S. Arora, NeurIPS (2022), arXiv 2205.10287 (the SDE); T.
    Gneiting, F. Balabdaoui & A. Raftery, J. R. Stat. Soc. B 69 (2007), for how its forecasts are judged.
    """
    steps, draws = whole(steps, "steps", error=RunError), whole(draws, "draws", least=2, error=RunError)
    seed = whole(seed, "seed", least=0, error=RunError)
    origin = origin_of(source, recipe, at, trajectory)
    if probes is True:
        probes = Probes(max(1, steps // _READINGS), 32, trajectories=min(draws, _PROBED))
    return drawn(
        origin, steps, draws, seed, save_every=save_every or max(1, steps // _POINTS), chunk=chunk, save=save,
        probes=probes or None, threads=threads, progress=progress,
    )  # fmt: skip


def drawn(
    origin: Origin, steps: int, draws: int, seed: int, *, save_every: int, chunk: int | None = None,
    **settings: Any,
) -> xr.Dataset:  # fmt: skip
    """The futures of a training from where it stands; arguments as of `forecast` and `simulate`."""
    plan, rebuilt = planned(origin, steps, draws, seed, save_every, chunk)
    _check_source(origin, plan)
    noises, _ = noises_of(plan, "minibatch" if plan.batch_size else "none")
    found = simulate(
        plan.surface,
        noises,
        **plan.keywords,
        seed=int(sequence(seed, TWIN).generate_state(1, np.uint64)[0] >> np.uint64(1)),
        evaluate=plan.evaluation,
        name="forecast",
        **settings,
    )
    return found.assign_attrs(**plan.attributes(noises), **facts_of(origin, rebuilt))


def facts_of(origin: Origin, rebuilt: bool) -> dict[str, Any]:
    """What a forecast's run says of its start."""
    return {
        "forecast_from": origin.step,
        "forecast_of": origin.trajectory,
        "forecast_state": "rebuilt" if rebuilt else "given",
        **({"forecast_flags": [REBUILT]} if rebuilt else {}),
    }


def planned(
    origin: Origin, steps: int, draws: int, seed: int, save_every: int, chunk: int | None = None
) -> tuple[TwinPlan, bool]:
    """The twin of a training from where it stands, and whether the optimizer's state had to be rebuilt."""
    theta = np.repeat(origin.theta[None], draws, axis=0)

    def plan(state: dict[str, Any]) -> TwinPlan:
        return plan_twin(
            origin.run, origin.recipe, steps=steps, save_every=save_every, chunk=chunk,
            start=Start(theta, state, origin.step),
        )  # fmt: skip

    bare = plan({})
    scheme: OptimizerSteps = bare.scheme
    needed = any(part.equations[0].state_names for part in scheme.parts)
    if not needed or not origin.step:
        return bare, False
    if origin.states is not None:
        return plan(state_given(scheme, origin.recipe, origin.states, draws)), False
    batch = bare.batch_size
    return plan(state_rebuilt(scheme, origin.path, origin.path_steps, batch, draws, seed)), True


def _check_source(origin: Origin, plan: TwinPlan) -> None:
    """That the source is of this recipe: the rate of its next step, and the loss recorded at θ.

    Raises:
        RunError: it is not.
    """
    made = float(plan.scheme.rates_of_steps[origin.step])
    if math.isfinite(origin.rate) and abs(origin.rate - made) > 1e-9 * max(made, abs(origin.rate)):
        raise RunError(
            f"the checkpoint's learning rate at step {origin.step} is {origin.rate:g}, this recipe's "
            f"{made:g}: give the recipe by which it was trained, with its scheduler"
        )
    run = origin.run
    if "loss" not in run:
        return
    held = np.asarray(run["theta"].sel(step=origin.step).values)
    at = int(np.flatnonzero((held == origin.theta).all(axis=1))[0])
    recorded = float(run["loss"].sel(step=origin.step).values[at])
    found = float(np.asarray(plan.surface.loss(origin.theta[None]))[0])
    if not np.isclose(found, recorded, rtol=_SAME_LOSS, atol=1e-8):
        raise RunError(
            f"this network, loss and data are not the run's: the loss at step {origin.step} is {found:.6g}, "
            f"recorded was {recorded:.6g}"
        )
