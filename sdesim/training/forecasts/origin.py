"""Where a forecast begins: weights, optimizer state and step of a checkpoint or of a recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.errors import RunError
from sdesim.training.loop.attributes import run_attributes
from sdesim.training.loop.copies import copied
from sdesim.training.loop.one_seed import trained_parameters
from sdesim.training.loop.prepared import prepare
from sdesim.training.loop.recipe import Recipe
from sdesim.training.twinning.own_steps import comparable, settings

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Origin:
    """A training at one moment.

    Attributes:
        run: as recorded, or as far as a recipe tells it.
        recipe: its module in the state of this moment.
        theta: what is trained (d,).
        step: optimizer steps made.
        states: the torch optimizer's state of every parameter, in the network's order; None: not known.
        path, path_steps: θ (P, d) at saved steps (P,) up to this one.
        trajectory: number of the seed.
        rate: η of the next step; NaN where not known.
    """

    run: xr.Dataset
    recipe: Recipe
    theta: Array
    step: int
    states: Sequence[Mapping[str, Any]] | None
    path: Array
    path_steps: NDArray[np.int64]
    trajectory: int
    rate: float = float("nan")


def origin_of(source: Any, recipe: Recipe | None, at: int | None, trajectory: int) -> Origin:
    """Read where a forecast begins.

    Args:
        source: a recorded run with θ; or a checkpoint: the path of one that `record` or `torch.save` wrote,
        or what
            it holds, a mapping with "model" (a state_dict), "optimizer" (a state_dict) and "step".
        recipe: of the training. at: a saved step of the run; default the last.
        trajectory: which seed.

    Raises:
        RunError: no recipe, or the source does not hold what it takes.
    """
    if recipe is None:
        raise RunError(
            "a forecast needs recipe=: neither a run nor a checkpoint holds the network and its data"
        )
    if isinstance(source, xr.Dataset):
        return _of_run(source, recipe, at, trajectory)
    if at is not None:
        raise RunError(f"at is of a recorded run; a checkpoint has one step, got at={at}")
    if isinstance(source, str | Path):
        source = _loaded(Path(source))
    if not isinstance(source, Mapping):
        raise RunError(f"source must be a run, a checkpoint or its path, got a {type(source).__name__}")
    return _of_checkpoint(_seed(source, trajectory), recipe, trajectory)


def _of_run(run: xr.Dataset, recipe: Recipe, at: int | None, trajectory: int) -> Origin:
    if "theta" not in run:
        raise RunError('the run does not hold θ: record it with "theta" in save')
    if not 0 <= trajectory < run.sizes["trajectory"]:
        raise RunError(f"trajectory must be 0 to {run.sizes['trajectory'] - 1}, got {trajectory}")
    steps = np.asarray(run["step"].values)
    step = int(steps[-1]) if at is None else at
    if step not in steps:
        near = steps[np.abs(steps - step).argmin()]
        raise RunError(f"at must be a saved step of the run, got {step}; the nearest is {near}")
    before = steps[steps <= step]
    held = run["theta"].isel(trajectory=trajectory, step=slice(len(before))).transpose("step", "param")
    path = np.asarray(held.values, dtype=np.float64)
    if not np.isfinite(path[-1]).all():
        raise RunError(f"trajectory {trajectory} was lost before step {step}: nothing can begin there")
    return Origin(run, recipe, path[-1], step, None if step else (), path, before, trajectory)


def _loaded(path: Path) -> Any:
    try:
        # Numbers, strings and tensors alone: nothing in the file is executed.
        return torch.load(path, weights_only=True, map_location="cpu")
    except Exception as error:
        raise RunError(f"{path} can't be read as a checkpoint ({type(error).__name__})") from error


def _seed(stored: Mapping[str, Any], trajectory: int) -> Mapping[str, Any]:
    """Of seeds that were trained together that one; of one seed itself."""
    seeds = stored.get("seeds")
    if seeds is None:
        return stored
    if not 0 <= trajectory < len(seeds):
        raise RunError(f"trajectory must be 0 to {len(seeds) - 1}, got {trajectory}")
    found: Mapping[str, Any] = seeds[trajectory]
    return found


def _of_checkpoint(stored: Mapping[str, Any], recipe: Recipe, trajectory: int) -> Origin:
    missing = [name for name in ("model", "step") if name not in stored]
    if missing:
        raise RunError(f"the checkpoint lacks {', '.join(missing)}; it needs model, step and optimizer")
    step = int(stored["step"])
    module = copied(recipe.module)
    try:
        module.load_state_dict(dict(stored["model"]))
    except RuntimeError as error:
        line = str(error).strip().splitlines()[-1].strip()
        raise RunError(f"the checkpoint's model is not the recipe's: {line}") from error
    theta = trained_parameters(module, recipe.mask)
    if not np.isfinite(theta).all():
        raise RunError("the checkpoint's weights are not finite: nothing can begin there")
    states, rate = None, float("nan")
    if stored.get("optimizer") is not None:
        states, rate = _states(module, recipe, stored["optimizer"])
    placed = replace(recipe, module=module)
    return Origin(
        _described(recipe, step),
        placed,
        theta,
        step,
        states if step else (),
        theta[None],
        np.array([step]),
        trajectory,
        rate,
    )


def _states(
    module: nn.Module, recipe: Recipe, stored: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], float]:
    """State of each parameter, and the rate of the first group."""
    parameters = list(module.parameters())
    optimizer = recipe.new_optimizer(parameters)
    asked = [dict(group) for group in optimizer.param_groups]
    try:
        optimizer.load_state_dict(dict(stored))
    except (ValueError, KeyError, RuntimeError) as error:
        raise RunError(f"the checkpoint's optimizer is not the recipe's: {error}") from error
    for mine, theirs in zip(asked, optimizer.param_groups, strict=True):
        # What the rate is at this moment is for the forecast to hold against its schedule.
        for name, held, own in settings(theirs, mine, recipe.scheduled, rates=False):
            if comparable(held) != comparable(own):
                raise RunError(
                    f"the checkpoint's optimizer has {name}={held}, the recipe's {own}: "
                    "give the recipe by which it was trained"
                )
    return [optimizer.state.get(p, {}) for p in parameters], float(optimizer.param_groups[0]["lr"])


def _described(recipe: Recipe, step: int) -> xr.Dataset:
    """What a run of this recipe would say of itself."""
    prepared = prepare(recipe, save_every=None, save=("loss",), probes=None)
    known = np.unique([0, len(prepared.rates) - 1])
    attrs = {"kind": "real", **run_attributes(prepared, ""), "dim": prepared.directions.shape[1]}
    if prepared.follows_loss:
        raise RunError("a forecast needs learning rates that are known: this schedule follows the loss")
    rates = prepared.rates[known]
    return xr.Dataset(
        {"learning_rate": (("step",), rates)},
        coords={"step": known, "time": ("step", np.concatenate([[0.0], np.cumsum(prepared.rates)])[known])},
        attrs=attrs,
    )
