"""Why a recorded run is not of the network, loss and data given beside it: the true reason, if it shows."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import nn

from sdesim.networks.fully_connected import flat_parameters
from sdesim.training.data.batches import call, moved
from sdesim.training.data.examples import Examples
from sdesim.training.loop.one_seed import isolated_torch
from sdesim.training.loop.recipe import Recipe

Array = NDArray[np.float64]


def sizes_differ(run: xr.Dataset, recipe: Recipe, train: Examples) -> str:
    """In what the parameters or the examples differ in number from the run's; empty where in nothing."""
    trained = flat_parameters(recipe.module).size if recipe.mask is None else int(np.sum(recipe.mask))
    dim = int(run.attrs.get("dim") or trained)
    if trained != dim:
        return f"the run has {dim} parameters, the module {trained}"
    recorded = int(run.attrs.get("dataset_size") or len(train))
    if recorded != len(train):
        return f"the run was trained on {recorded} examples, these data have {len(train)}"
    return ""


def why_losses_differ(
    run: xr.Dataset, recipe: Recipe, train: Examples, test: Examples | None, theta: Array, found: float
) -> str:
    """What of mode, data and loss explains that L at the start θ (d,) is not the recorded one.

    Args:
        found: L as it is with what was given.
    """
    recorded = float(run["loss"].values[0, 0])
    differ = f"the loss at the start is {found:.6g}, recorded was {recorded:.6g}"
    placed = _placed(recipe, theta)
    for model, words in _in_other_modes(placed):
        value = _loss(recipe, train, model)
        if math.isfinite(value) and math.isclose(value, recorded, rel_tol=1e-4, abs_tol=1e-8):
            return f"the run was recorded with the network {words}: {differ}"
    accuracy = train.accuracy(recipe.module, recipe.loss_fn, test)
    if accuracy is None or "train_accuracy" not in run:
        return f"this network, loss and data are not the run's: {differ}"
    with isolated_torch(), torch.no_grad():
        x, y = moved(train.x, torch.float64), moved(train.y, torch.float64)
        share = float(accuracy.share(call(placed, x), y))
    held = float(run["train_accuracy"].values[0, 0])
    if abs(share - held) <= 0.5 / len(train):
        # Other data may have the same accuracy, so that this does not clear them.
        return f"this loss, or else the data, are not the run's: with the accuracy as recorded, {differ}"
    return (
        f"the data, or the network, are not the run's: the accuracy on them at the start is {share:.4g}, "
        f"recorded was {held:.4g}"
    )


def _placed(recipe: Recipe, theta: Array) -> nn.Module:
    """A float64 copy of the network at θ (d,)."""
    model = copy.deepcopy(recipe.module).double().cpu()
    flat = np.array(theta, dtype=np.float64)
    if recipe.mask is not None:
        flat, kept = np.zeros(len(recipe.mask)), flat
        flat[recipe.mask] = kept
    nn.utils.vector_to_parameters(torch.tensor(flat), model.parameters())
    return model


def _in_other_modes(placed: nn.Module) -> Iterator[tuple[nn.Module, str]]:
    """Copies in the modes in which the network is not, and words for each."""
    now = [part.training for part in placed.modules()]
    if not all(now):
        yield (
            copy.deepcopy(placed).train(),
            "in training mode, this one is in evaluation: call module.train()",
        )
    if any(now):
        yield copy.deepcopy(placed).eval(), "in evaluation mode, this one is in training: call module.eval()"


def _loss(recipe: Recipe, train: Examples, model: nn.Module) -> float:
    with isolated_torch(), torch.no_grad():
        try:
            x, y = moved(train.x, torch.float64), moved(train.y, torch.float64)
            value: Any = recipe.loss_fn(call(model, x), y)
            of_weights = getattr(recipe.loss_fn, "of_weights", None)
            return float(value if of_weights is None else value + of_weights(dict(model.named_parameters())))
        except (RuntimeError, ValueError):
            # Not every loss takes all examples at once in that mode.
            return math.nan
