"""Lottery tickets: which weights of a network are left when the others are taken away.

Source: Frankle & Carbin, The Lottery Ticket Hypothesis, arXiv 1803.03635, section 2 (iterative magnitude
pruning with rewinding to the initial weights, the same share of each layer).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from sdesim.compiled.streams import PRUNING, WEIGHTS, sequence
from sdesim.errors import RunError
from sdesim.kinds.numbers import level_of, one_of, whole
from sdesim.networks.fully_connected import flat_parameters
from sdesim.training.data.batches import mapped, rows_of
from sdesim.training.data.examples import (
    Examples,
    Order,
    batch_order,
    batches_of,
    training_and_test,
    with_weights,
)
from sdesim.training.loop.copies import copied
from sdesim.training.loop.fresh import redrawn
from sdesim.training.loop.one_seed import (
    apply_masks,
    isolated_torch,
    masks_of,
    stream_seed,
    update,
)
from sdesim.training.loop.recipe import Recipe, TrainingKeywords, the_recipe
from sdesim.training.probes.network_oracle import TorchOracle

RULES = ("magnitude", "one-shot", "gradient-signal", "random")
# What a round draws: random choices, minibatches, the order of its training and what its layers do.
_RANDOM, _DRAWS, _ROUND, _LAYERS = 0, 1, 2, 3
_GRADIENTS = 256


def prune(
    module: nn.Module | Recipe,
    loss_fn: Callable[..., Any] | None = None,
    train: Any = None,
    optimizer: Callable[..., Any] | None = None,
    *,
    rule: str = "magnitude",
    sparsity: float,
    rounds: int = 1,
    **training: Unpack[TrainingKeywords],
) -> NDArray[np.bool_]:
    """Find which weights survive; give the result to `record` as ``mask``.

    Each round trains from the module's own weights, as far as they are left, and then takes away the lowest
    scores of every weight array (biases stay), so that after round r of R the share
    (1 − sparsity)^{r/R} is left.

    Args:
        module: the network with its initial weights; it is copied and left alone. Or a `Recipe`.
        loss_fn, train, optimizer, training: as of `Recipe`, of whose keywords these have a meaning here:
            steps, of each round (0 for "random", which also leaves those of a recipe), batch_size, sampling,
            weights, clip, and seed, of the order of the data, the minibatches and the random choice.
        rule: the score. "magnitude": |w|; "one-shot": the same in a single round; "gradient-signal":
            ḡ²/s², the ratio of squared mean and variance of each weight's own gradient over 256 minibatches;
            "random": none, without training.
        sparsity: share of the weights that is taken away, in (0, 1).
        rounds: R; 1 for "one-shot" and "random".

    Returns:
        Booleans (D,) over all parameters in `named_parameters` order, true for what is left.

    Raises:
        RunError: if an argument is out of range, a round's training diverges, or the recipe is of a training
            that prunes in no known way: with a scheduler, augmentation, a mask, amplified noise or clients.
    """
    sparsity, rounds = _checked(rule, sparsity, rounds)
    recipe = _recipe(module, loss_fn, train, optimizer, rule, training)
    module, seed = recipe.module, recipe.seed
    examples, _ = training_and_test(recipe.train, None, next(module.parameters()), unpack=recipe.reading)
    examples = with_weights(examples, recipe.train, recipe.weights)
    order = batch_order(recipe.train, examples, recipe.batch_size, recipe.sampling)
    mask = np.ones(sum(p.numel() for p in module.parameters()), dtype=np.bool_)
    with isolated_torch():
        for k in range(rounds):
            scores: list[Tensor | None] = [None] * len(list(module.parameters()))
            if rule != "random":
                trained = _train(recipe, examples, order, mask, k)
                scores = [p.detach().abs() for p in trained.parameters()]
                if rule == "gradient-signal":
                    rng = np.random.default_rng(sequence(seed, k, PRUNING, _DRAWS))
                    scores = _signal(trained, recipe.loss_fn, examples, order.batch_size or 1, rng)
            torch.manual_seed(stream_seed(seed, k, PRUNING, _RANDOM))
            mask = _cut(module, mask, scores, (1.0 - sparsity) ** ((k + 1) / rounds))
    return mask


def reinitialised(module: nn.Module, seed: int) -> nn.Module:
    """A copy of the module with newly drawn weights.

    Raises:
        RunError: if a part of the network can't draw new weights.
    """
    with isolated_torch():
        return redrawn(module, stream_seed(seed, 1, WEIGHTS))


def _recipe(
    module: nn.Module | Recipe, loss_fn: Any, train: Any, optimizer: Any, rule: str,
    training: TrainingKeywords,
) -> Recipe:  # fmt: skip
    """The recipe of a round's training."""
    if not isinstance(module, Recipe):
        steps = whole(training.get("steps", 0), "steps", least=0, error=RunError)
        if (steps == 0) != (rule == "random"):
            raise RunError(
                f"steps must be {'0' if rule == 'random' else 'at least 1'} for {rule}, got {steps}"
            )
        training = {**training, "steps": max(1, steps)}
    recipe = the_recipe(module, loss_fn, train, None, optimizer, training)
    foreign = {
        "a scheduler": recipe.scheduled,
        "augment": recipe.augment is not None,
        "a mask": recipe.mask is not None,
        "amplify": recipe.amplify != 1,
        "clients": recipe.clients is not None,
    }
    for what, given in foreign.items():
        if given:
            raise RunError(
                f"prune trains without {what}: give a recipe without, as dataclasses.replace makes"
            )
    return recipe


def _checked(rule: str, sparsity: float, rounds: int) -> tuple[float, int]:
    one_of(rule, RULES, "rule", RunError)
    rounds = whole(rounds, "rounds", error=RunError)
    if rounds > 1 and rule in ("one-shot", "random"):
        raise RunError(f"rounds must be 1 for {rule}, got {rounds}")
    return level_of(sparsity, "sparsity", RunError), rounds


def _train(
    recipe: Recipe, examples: Examples, order: Order, mask: NDArray[np.bool_], number: int
) -> nn.Module:
    """A copy of the module, trained in the round of this number from its weights under the mask."""
    model = copied(recipe.module)
    masks = masks_of(model, mask)
    apply_masks(model, masks)
    torch.manual_seed(stream_seed(recipe.seed, number, PRUNING, _LAYERS))
    optimizer = recipe.new_optimizer(list(model.parameters()))
    batches = batches_of(examples, order, stream_seed(recipe.seed, number, PRUNING, _ROUND))
    clipping = recipe.new_clipping()
    for _ in range(recipe.steps):
        rows = batches.next()
        some = slice(None) if rows is None else rows
        x, y = (mapped(rows_of(part, some), torch.clone) for part in (examples.x, examples.y))
        if not np.isfinite(update(model, recipe.loss_fn, optimizer, x, y, masks, clipping)):
            raise RunError("the training before pruning diverged: a lower learning rate may help")
    return model


def _signal(
    model: nn.Module, loss_fn: Callable[..., Any], examples: Examples, batch: int, rng: np.random.Generator
) -> list[Tensor | None]:
    """ḡ²/s² of each weight's gradient over minibatches, in the shapes of the parameters."""
    oracle = TorchOracle(model, loss_fn, examples.x, examples.y, batch, examples.weights)
    draws = oracle.gradients(flat_parameters(model), _GRADIENTS, rng)
    variance = draws.var(axis=0, ddof=1)
    # A weight that never gets a gradient carries no signal.
    ratio = np.divide(draws.mean(axis=0) ** 2, variance, out=np.zeros(len(variance)), where=variance > 0)
    parameters = list(model.parameters())
    pieces = np.split(ratio, np.cumsum([p.numel() for p in parameters])[:-1])
    return [torch.from_numpy(s).reshape(p.shape) for s, p in zip(pieces, parameters, strict=True)]


def _cut(
    module: nn.Module, mask: NDArray[np.bool_], scores: list[Tensor | None], share: float
) -> NDArray[np.bool_]:
    """The mask with the lowest scores of each weight array taken away, down to a share of it."""
    kept = []
    for parameter, before, score in zip(module.parameters(), masks_of(module, mask), scores, strict=True):
        if parameter.ndim > 1:
            count = int(before.sum()) - max(1, round(share * parameter.numel()))
            before = _without(parameter, before, score, count)
        kept.append(before.bool().reshape(-1).numpy())
    return np.concatenate(kept)


def _without(parameter: Tensor, before: Tensor, score: Tensor | None, count: int) -> Tensor:
    """The mask of one weight array with `count` more entries taken away, at random without scores."""
    holder = nn.Module()
    holder.weight = nn.Parameter(parameter.detach().clone())
    torch_prune.custom_from_mask(holder, "weight", before)  # type: ignore[no-untyped-call,unused-ignore]
    if score is None:
        torch_prune.random_unstructured(holder, "weight", count)  # type: ignore[no-untyped-call,unused-ignore]
    else:
        torch_prune.l1_unstructured(holder, "weight", count, importance_scores=score)  # type: ignore[no-untyped-call,unused-ignore]
    after: Tensor = holder.weight_mask  # type: ignore[assignment,unused-ignore]
    return after
