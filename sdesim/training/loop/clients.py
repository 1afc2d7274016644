"""Clients of federated averaging: how many there are, what each does in a round, and what that goes with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from sdesim.data.sharing import least_examples
from sdesim.errors import RunError
from sdesim.runs import Probes
from sdesim.training.data.examples import Examples, Order

if TYPE_CHECKING:
    from sdesim.training.loop.recipe import Recipe

_PLAIN = ("momentum", "dampening", "weight_decay", "nesterov", "maximize")


def check_clients(
    recipe: Recipe, examples: Examples, order: Order, optimizer: Any, probes: Probes | None
) -> None:
    """Refuse what federated averaging is not defined for here.

    Raises:
        RunError: an optimizer other than plain SGD, a scheduler, a mask, amplified noise, weights, an own
            sampler, augmentation, tangent dynamics, buffers, unlabelled examples, full batches, or too few.
    """
    clients = recipe.clients
    assert clients is not None
    if type(optimizer) is not torch.optim.SGD:
        raise RunError(f"clients need plain torch.optim.SGD, got {type(optimizer).__name__}")
    if len(optimizer.param_groups) > 1:
        raise RunError("clients need one parameter group, the optimizer has several")
    extra = [name for name in _PLAIN if optimizer.param_groups[0].get(name)]
    if extra:
        raise RunError(f"clients need plain SGD with lr alone, got {', '.join(extra)}")
    refused = {
        "a scheduler": recipe.scheduled,
        "a mask": recipe.mask is not None,
        "amplify": recipe.amplify != 1,
        "weights": examples.weights is not None,
        "a sampler of the user's own": order.own is not None,
        "examples that differ at each reading": examples.reader is not None,
        "probes with tangent": probes is not None and probes.tangent,
    }
    for what, given in refused.items():
        if given:
            raise RunError(f"clients do not go with {what}")
    buffer = next((name for name, _ in recipe.module.named_buffers()), None)
    if buffer is not None:
        raise RunError(f"clients need a network without buffers, which have no mean, got {buffer}")
    if not examples.labelled:
        raise RunError("clients share out examples by class labels, and these have targets")
    if order.batch_size is None:
        raise RunError("clients need a batch_size below the number of training examples")
    least = least_examples(order.batch_size)
    if clients.count * least > len(examples):
        raise RunError(
            f"clients: {clients.count} with at least {least} examples each need {clients.count * least}, "
            f"there are {len(examples)}"
        )
