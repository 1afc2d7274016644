"""Which trainings have their seeds side by side, by network, batch size and the kinds of what moves it."""

from __future__ import annotations

import torch
from torch import Tensor

from sdesim.networks.fully_connected import Dense, as_dense, one_hot, one_hot_mse
from sdesim.networks.outer_products import fits
from sdesim.runs.sizes import SEEDS, seeds_at_most
from sdesim.training.batched.apart import steps_apart
from sdesim.training.loop.one_seed import isolated_torch
from sdesim.training.loop.prepared import Prepared

_DTYPES = (torch.float32, torch.float64)


def seeds_at_once(prepared: Prepared) -> int:
    """How many seeds are trained by one program: `SEEDS` or 1.

    Never by how many seeds are asked for: the last bits of sums differ between the two ways, and those of a
    seed must not depend on what others are trained. Seeds are trained at once where the network is of plain
    layers under one of torch's mean losses, small for its batches, and its optimizer moves stacked networks
    apart (`steps_apart`), by gradients that nothing clips; batches are drawn out of fixed examples, and rates
    follow from the step alone.
    """
    recipe, order, probes = prepared.recipe, prepared.order, prepared.probes
    module = recipe.module
    parameters = list(module.parameters())
    alone = (
        seeds_at_most(sum(p.numel() for p in parameters), order.batch_size) == 1
        or any(p.dtype not in _DTYPES for p in parameters)
        or order.own is not None
        or prepared.train.reader is not None
        or recipe.amplify != 1
        or recipe.clients is not None
        or recipe.clip is not None
        or prepared.follows_loss
        or (probes is not None and probes.tangent)
    )
    if alone or dense_network(prepared) is None:
        return 1
    with isolated_torch():
        return SEEDS if steps_apart(recipe.new_optimizer, module) else 1


def dense_network(prepared: Prepared) -> tuple[Dense, Tensor] | None:
    """The network as plain layers, and the targets or labels of its loss; None where it is another."""
    recipe, train = prepared.recipe, prepared.train
    dense = as_dense(recipe.module, recipe.loss_fn)
    if dense is None or not torch.is_tensor(train.x) or not torch.is_tensor(train.y):
        return None
    y = train.y
    if recipe.loss_fn is one_hot_mse and y.ndim == 1 and not y.is_floating_point():
        y = one_hot(y, dense.widths[-1], next(recipe.module.parameters()).dtype)
    return (dense, y) if fits(dense, train.x, y) else None
