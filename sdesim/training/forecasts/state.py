"""The optimizer state with which a forecast begins: that of a checkpoint, or one rebuilt at θ.

A recorded run keeps θ alone. Momenta and mean squares are rebuilt by making the last W = min(s, 1000) of the
s steps once more along the recorded path with the learning rate 0: at some 50 places of it, between saved
points on the line, gradients of the training's batch size are drawn, and the SDE's own recursion takes them
in. What W steps hold less than s would (1 − β^W in the place of 1 − β^s of a running mean) is made good by
the same recursion on a gradient of 1. What is left out is which batches the training had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.compiled.streams import TWIN, sequence
from sdesim.training.loop.recipe import Recipe
from sdesim.training.twinning.optimizer_steps import OptimizerSteps

Array = NDArray[np.float64]
_STEPS = 1000
# Places of the path, evenly over these steps and at each of the last; minibatches drawn at each.
_EVEN, _LAST, _POOL = 40, 8, 32


def state_given(scheme: OptimizerSteps, recipe: Recipe, states: Any, draws: int) -> dict[str, Tensor]:
    """The state of a torch optimizer for every draw, by the names of the SDE's states, (draws, d) each."""
    sizes = [p.numel() for p in recipe.module.parameters()]
    whole = torch.zeros(1, sum(sizes), dtype=torch.float64)
    found: dict[str, Tensor] = {}
    for part in scheme.parts:
        found |= part.equations[0].state_of(states, whole, sizes)
    kept = slice(None) if recipe.mask is None else torch.from_numpy(np.flatnonzero(recipe.mask))
    return {name: values[:, kept].repeat(draws, 1) for name, values in found.items()}


def state_rebuilt(
    scheme: OptimizerSteps, path: Array, at: NDArray[np.int64], batch: int, draws: int, seed: int
) -> dict[str, Tensor]:
    """States after at[-1] steps as gradients along the path would have left them, (draws, d) each.

    Args:
        path: θ (P, d) at the steps at (P,), which ascend.
        batch: of a gradient; 0 for all examples. seed: of the draws.
    """
    names = dict.fromkeys(n for part in scheme.parts for n in part.equations[0].state_names)
    step = int(at[-1])
    if not names or not step:
        return {}
    evaluator = scheme.evaluator
    own_draws = getattr(evaluator, "draws", None)
    rng = np.random.Generator(np.random.Philox(sequence(seed, TWIN, step)))
    count = min(step, _STEPS)
    places = np.linspace(step - count, step - 1, _EVEN).round()
    places = np.unique(np.concatenate([places, np.arange(step - min(_LAST, count), step)])).astype(int)
    pools = []
    for place in places:
        held = _on(path, at, place)
        point = torch.from_numpy(held).to(evaluator.device)[None]
        if batch and own_draws is not None:
            # Gradients that are no means over fixed examples are drawn by their own law.
            pools.append(torch.from_numpy(own_draws(held, _POOL, rng, cut=True)).to(evaluator.device))
        elif batch:
            rows = torch.from_numpy(rng.integers(0, evaluator.examples, (_POOL, batch)))
            pools.append(evaluator.picked(point.repeat(_POOL, 1), rows))
        else:
            pools.append(evaluator.gradients(point))
    pool = torch.stack(pools)
    nearest = np.abs(places[None, :] - np.arange(step - count, step)[:, None]).argmin(axis=1)
    chosen = torch.from_numpy(rng.integers(0, pool.shape[1], (count, draws)))
    theta = torch.from_numpy(np.array(path[-1])).to(evaluator.device)[None]
    found = {name: pool.new_zeros(draws, path.shape[1]) for name in names}
    for part in scheme.parts:
        for columns in part.columns:
            resting = theta[:, columns].repeat(draws, 1)
            gradients = (pool[nearest[k], chosen[k]][:, columns] for k in range(count))
            state = _after(part, resting, gradients, step - count)
            short, long = (
                _after(part, pool.new_zeros(1, 1), (pool.new_ones(1, 1) for _ in range(n)), step - n)
                for n in (count, step)
            )
            for name, values in state.items():
                # A recursion that holds nothing of a constant gradient needs no more of it.
                more = long[name] / short[name] if bool(short[name] != 0) else 1.0
                found[name][:, columns] = values * more
    return found


def _on(path: Array, at: NDArray[np.int64], step: int) -> Array:
    """θ (d,) at a step, between saved points on the line."""
    right = min(int(np.searchsorted(at, step)), len(at) - 1)
    left = max(right - 1, 0) if at[right] > step else right
    share = (step - at[left]) / (at[right] - at[left]) if right > left else 0.0
    return np.array((1.0 - share) * path[left] + share * path[right])


def _after(part: Any, theta: Tensor, gradients: Any, first: int) -> Mapping[str, Tensor]:
    """State of a part after steps at rate 0, the first of which is number ``first``."""
    theta = theta.clone()
    state: dict[str, Tensor] = part.equation(first).initial(theta)
    for k, gradient in enumerate(gradients):
        equation = part.equation(first + k)
        inputs = [gradient] * len(equation.inputs(1.0))
        equation.advance(theta, state, inputs, rate=0.0, share=1.0, step=float(first + k))
    return state
