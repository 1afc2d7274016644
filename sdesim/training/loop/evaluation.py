"""Loss and accuracy of a network in training, on all examples."""

from __future__ import annotations

import torch
from torch import nn

from sdesim.networks.fully_connected import flat_parameters
from sdesim.training.data.batches import call, mapped, penalty_of, takes_whole_batch
from sdesim.training.data.weighting import mean_loss
from sdesim.training.loop.prepared import Prepared
from sdesim.training.probes.guard import Kept
from sdesim.training.probes.reduction import SUM


def evaluated(prepared: Prepared, model: nn.Module) -> dict[str, float]:
    """Training objective, as probes have it, accuracy, and loss on the test examples in evaluation mode; by
    weights in training."""
    trial, test, batch = prepared.trial, prepared.test, prepared.order.batch_size
    kept = None if prepared.plain else Kept(model, prepared.recipe.loss_fn)
    # A network that takes only batches of training's size can't be asked for all examples at once.
    found = _in_evaluation(prepared, model) if trial.whole else {}
    if kept is not None:
        kept.restore()
    if trial.reduction == SUM and "test_loss" in found and test is not None:
        # On the scale of a sum over a batch of training.
        found["test_loss"] *= (batch or len(prepared.train)) / len(test)
    acts = bool(trial.modes) and prepared.mode == "train"
    if acts or trial.in_batches or (trial.reduction == SUM and batch is not None):
        found["loss"] = prepared.oracle(model, 1).loss(flat_parameters(model))
    return found


@torch.no_grad()
def _in_evaluation(prepared: Prepared, model: nn.Module) -> dict[str, float]:
    """Loss and accuracy on all training and test examples, in evaluation mode; by weights in training.

    Penalties are part of what is descended, and not of the test loss.
    """
    # Plain layers compute the same in either mode.
    modes = [] if prepared.plain else [(part, part.training) for part in model.modules()]
    if modes:
        model.eval()
    found: dict[str, float] = {}
    for loss_name, accuracy_name, examples in (
        ("loss", "train_accuracy", prepared.train),
        ("test_loss", "test_accuracy", prepared.test),
    ):
        if examples is None:
            continue
        loss_fn, x, y, shares = prepared.recipe.loss_fn, examples.x, examples.y, examples.shares
        x = x if prepared.plain else mapped(x, torch.clone)
        if takes_whole_batch(loss_fn):
            found[loss_name] = float(loss_fn.of_batch(model, x))
            continue
        output = call(model, x)
        found[loss_name] = float(mean_loss(loss_fn, output, y, shares))
        penalty = penalty_of(loss_fn, model.named_parameters())
        if penalty is not None and loss_name == "loss":
            found[loss_name] += float(penalty)
        if prepared.accuracy is not None:
            found[accuracy_name] = prepared.accuracy.share(output, y, shares)
    # Parts may have been set to evaluation for good.
    for part, mode in modes:
        part.training = mode
    return found
