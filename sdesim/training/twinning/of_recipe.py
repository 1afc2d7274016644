"""The loss of a recipe as a surface, and where its trajectories begin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdesim.networks.fully_connected import as_dense, flat_parameters, network_surface
from sdesim.surfaces import TorchSurface, masked
from sdesim.training.data.examples import training_and_test
from sdesim.training.loop.one_seed import fresh_module, isolated_torch
from sdesim.training.loop.recipe import Recipe
from sdesim.training.twinning.original import ModuleEvaluation

Array = NDArray[np.float64]


def surface_of(recipe: Recipe) -> tuple[Any, Any]:
    """The training loss of a recipe, and what reads accuracies and test losses off its θ.

    Plain Linear/activation networks are compiled (`MLP`), others go through `TorchSurface`, point by point.
    """
    module, loss_fn, mask = recipe.module, recipe.loss_fn, recipe.mask
    dtype = next(module.parameters()).dtype
    examples, held_out = training_and_test(recipe.train, recipe.test, dtype)
    if as_dense(module, loss_fn) is not None and examples.x.ndim == 2:
        surface: Any = network_surface(module, examples.x, examples.y, loss_fn, mask)
        test = (None, None) if held_out is None else (held_out.x.numpy(), held_out.y.numpy())
        return surface, surface.evaluation(*test, examples.labelled)
    whole = TorchSurface(module, loss_fn, examples.x, examples.y)
    evaluation: Any = ModuleEvaluation(module, loss_fn, examples, held_out)
    if mask is None or bool(np.all(mask)):
        return whole, evaluation
    surface = masked(whole, mask, 0.0)
    from sdesim.surfaces.evaluated import Embedded

    return surface, Embedded(evaluation, surface.embed)


def fresh_starts(recipe: Recipe, trajectories: int) -> Array:
    """The starting points (trajectories, d) of a recipe with `init="fresh"`."""
    with isolated_torch():
        modules = [fresh_module(recipe.module, recipe.seed, k) for k in range(trajectories)]
    starts = np.stack([flat_parameters(module) for module in modules])
    return starts if recipe.mask is None else starts[:, recipe.mask]
