"""Measured progress of a recorded training: branches of real steps out of its very state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdesim.compiled.streams import PROGRESS
from sdesim.runs import GradientOracle, probe_rng
from sdesim.runs.sizes import streams
from sdesim.runs.virtual_steps import virtual_steps
from sdesim.training.data.batches import mapped, rows_of
from sdesim.training.data.examples import Examples
from sdesim.training.data.penalised import loss_alone
from sdesim.training.data.undisturbed import undisturbed
from sdesim.training.loop.one_seed import update
from sdesim.training.loop.prepared import Prepared
from sdesim.training.probes.branching import Objective, Taken, branched, drawn_rows, objective_of, reseed
from sdesim.training.probes.guard import Kept
from sdesim.training.probes.preconditioning import curvature_metric
from sdesim.training.probes.reduction import SUM

if TYPE_CHECKING:
    from sdesim.training.loop.trajectory import SeedState

Array = NDArray[np.float64]
# The objective is read on so many times the training batch, and on at least so many examples.
_EVALUATED, _LEAST = 4, 64


def measured_progress(
    prepared: Prepared, state: SeedState, oracle: GradientOracle, theta: Array, step: int
) -> dict[str, float]:
    """The schema's variables of progress at theta (d,), from real steps and, of plain SGD, virtual ones."""
    found = branched_progress(prepared, state, step)
    # Virtual steps hold all their gradients.
    held = prepared.probes is not None and not streams(theta.size, prepared.probes.samples)
    if prepared.makes_virtual_steps and held:
        mask = prepared.recipe.mask
        only = prepared.only(state.model, state.optimizer)
        trained = curvature_metric(state.model, state.optimizer, only).trained
        found |= virtual_steps(
            oracle, theta, prepared.branches, step_size=float(state.rates[step]),
            seed=(prepared.recipe.seed, state.trajectory, step),
            trained=trained if mask is None else trained[mask],
        )  # fmt: skip
    return found


def branched_progress(prepared: Prepared, state: SeedState, step: int) -> dict[str, float]:
    """Progress from `Probes.branches` steps of the training's own optimizer.

    Each branch makes one real step on a minibatch by the training's own law, given the examples of this epoch
    that were already seen, and reads the objective before and after on an independent batch of its own, in
    the mode of training. Model, optimizer and generators are afterwards as before.
    """
    recipe, count, clipping = prepared.recipe, prepared.branches, prepared.recipe.new_clipping()
    rng = probe_rng(recipe.seed ^ PROGRESS, state.trajectory, step)
    seeds = [int(s) for s in rng.integers(2**62, size=2 * count)]
    batch = prepared.order.batch_size or len(prepared.train)

    def advance(k: int) -> None:
        reseed(seeds[count + k])
        future = state.batches.branch(rng)
        for short in range(recipe.amplify):
            rows = _joined([future.next() for _ in range(2 if recipe.amplify > 1 else 1)])
            x, y = _read(prepared.train, rows, seeds[count + k] + short)
            update(state.model, prepared.step_loss, state.optimizer, x, y, state.masks, clipping)

    with undisturbed(seeds[0]), torch.enable_grad():
        sizes = max(_LEAST, _EVALUATED * batch)
        objectives = {"progress": _objective(prepared, state, prepared.train, sizes, seeds, rng)}
        if prepared.test is not None:
            objectives["progress_heldout"] = _objective(prepared, state, prepared.test, sizes, seeds, rng)
        kept = None if prepared.plain else Kept(state.model, recipe.loss_fn)
        try:
            return branched(Taken(state.model, state.optimizer), advance, objectives, count)
        finally:
            if kept is not None:
                kept.restore()


def _objective(
    prepared: Prepared, state: SeedState, examples: Examples, size: int, seeds: list[int],
    rng: np.random.Generator,
) -> Objective:  # fmt: skip
    rows = drawn_rows(len(examples), size, examples.weights, prepared.branches, rng)
    batches = [_read(examples, row, seed) for row, seed in zip(rows, seeds, strict=False)]
    loss_fn = prepared.recipe.loss_fn
    held_out = examples is not prepared.train
    read = objective_of(state.model, loss_alone(loss_fn) if held_out else loss_fn, batches, seeds)
    if prepared.trial.reduction != SUM:
        return read
    # The objective is that of a batch of training, the sum read is over more examples or fewer.
    taken = len(examples) if rows[0] is None else size
    scale = (prepared.order.batch_size or len(prepared.train)) / taken
    return lambda k: scale * read(k)


def _read(examples: Examples, rows: Tensor | None, seed: int) -> tuple[Any, Any]:
    """Examples as a step reads them."""
    if examples.reader is not None:
        return examples.reader.read(torch.arange(len(examples)) if rows is None else rows, seed)
    x, y = examples.x, examples.y
    if rows is not None:
        return rows_of(x, rows), rows_of(y, rows)
    return mapped(x, torch.clone), mapped(y, torch.clone)


def _joined(parts: list[Tensor | None]) -> Tensor | None:
    """Rows of all parts; None for all examples."""
    kept = [rows for rows in parts if rows is not None]
    return torch.cat(kept) if kept else None
