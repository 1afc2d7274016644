"""What a probe costs against an optimizer step, from the sizes of the recipe alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sdesim.networks.fully_connected import as_dense
from sdesim.runs import Probes
from sdesim.runs.price import Price, Sizes, training_price
from sdesim.runs.probes import LARGEST
from sdesim.training.data.batches import batch_loss, length, mapped, rows_of
from sdesim.training.data.examples import Examples


def example_operations(module: nn.Module, loss_fn: Callable[..., Any], train: Examples) -> float:
    """Floating-point operations of loss and gradient, per example."""
    model = copy.deepcopy(module)
    few = min(2, len(train))
    with torch.random.fork_rng(devices=[]), FlopCounterMode(display=False) as counter:
        x, y = (mapped(rows_of(part, slice(few)), torch.clone) for part in (train.x, train.y))
        loss = batch_loss(model, loss_fn, x, y)
        if torch.is_tensor(loss) and loss.ndim == 0 and loss.requires_grad:
            loss.backward()  # type: ignore[no-untyped-call,unused-ignore]
    least = 6.0 * sum(p.numel() for p in module.parameters())
    return float(counter.get_total_flops()) / few or least


def reading_price(
    probes: Probes, module: nn.Module, loss_fn: Callable[..., Any], train: Examples, *,
    batch_size: int | None, probed_batch: int, preconditioned: bool, minibatches: int = 1,
    examples_probed: int = 0, exact: bool = False, batches: int = 1, whole: bool = False,
) -> Price:  # fmt: skip
    """What the parts of a reading cost, in optimizer steps: `training_price` of the sizes found here."""
    sizes = Sizes(
        operations=example_operations(module, loss_fn, train),
        dense=as_dense(module, loss_fn) is not None,
        examples=length(train.x),
        dim=sum(p.numel() for p in module.parameters()),
        batch_size=batch_size,
        probed_batch=probed_batch,
        preconditioned=preconditioned,
        minibatches=minibatches,
        examples_probed=examples_probed,
        exact=exact,
        batches=batches,
        whole=whole,
    )
    return training_price(probes, sizes, LARGEST)
