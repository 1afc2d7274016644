"""Whether a network, its loss and the examples fit one another, before the first step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from sdesim.errors import RunError, SdesimError, first_line
from sdesim.training.data.batches import batch_loss, call, mapped, rows_of, takes_whole_batch
from sdesim.training.data.collation import finite
from sdesim.training.data.examples import Examples
from sdesim.training.data.weighting import is_mean
from sdesim.training.loop.copies import copied
from sdesim.training.loop.one_seed import isolated_torch


def check_module(module: nn.Module) -> None:
    """Refuse a module without parameters to train, or not on the CPU.

    Raises:
        RunError: saying what to do.
    """
    parameters = list(module.parameters())
    if not parameters:
        raise RunError("the module has no parameters to train")
    if any(map(nn.parameter.is_lazy, parameters)):
        raise RunError("the module has lazy layers without weights yet: call it once on a batch before")
    copied(module)
    devices = sorted({str(t.device) for t in (*parameters, *module.buffers())})
    if devices != ["cpu"]:
        raise RunError(f"the module must be on the CPU, it is on {' and '.join(devices)}: call module.cpu()")
    if not any(p.requires_grad for p in parameters):
        raise RunError("every parameter of the module is frozen: set requires_grad on those to train")


def check_loss(
    module: nn.Module, loss_fn: Callable[..., Any], examples: Examples, batch_size: int | None
) -> None:
    """Refuse a network that can't take a batch, or a loss that is not one number.

    Raises:
        RunError: naming what the loss returned, or what the network said.
    """
    count = batch_size or len(examples)
    x, y = (rows_of(part, slice(count)) for part in (examples.x, examples.y))
    with isolated_torch():
        try:
            loss = batch_loss(copied(module), loss_fn, *(mapped(part, torch.clone) for part in (x, y)))
        except SdesimError:
            raise
        except Exception as error:
            what = "objective" if takes_whole_batch(loss_fn) else "loss_fn"
            raise RunError(
                f"the network or {what} fails on a batch of {count} training examples: {first_line(error)}; "
                "networks take x as module(x), a tuple as module(*x), a dict as module(**x): unpack= says "
                "what x and y are, objective= takes the whole batch"
            ) from error
    if torch.is_tensor(loss) and loss.is_complex():
        raise RunError("loss_fn must return a real number, got a complex one")
    if not torch.is_tensor(loss):
        raise RunError(f"loss_fn must return a tensor with one number, got {type(loss).__name__}")
    if loss.ndim:
        raise RunError(
            f"loss_fn must return one number, got a tensor of shape {tuple(loss.shape)}: take its mean"
        )
    if not loss.requires_grad:
        raise RunError("the loss does not depend on any parameter that is trained")
    if examples.weights is not None:
        with isolated_torch():
            whole = takes_whole_batch(loss_fn)
            output = None if whole else call(copied(module).eval(), mapped(x, torch.clone))
            if not is_mean(loss_fn, output, y):
                raise RunError(
                    "weighted examples need a loss that is the mean of the losses of single examples: with "
                    "class weights, for one, a batch has no such mean; give weights= alone"
                )
    _check_numbers(module, loss_fn, examples, count)
    if not torch.isfinite(loss):
        raise RunError(
            f"the loss is {float(loss.detach())} before the first step: look for NaN or infinite numbers in "
            "the examples and the weights"
        )


def _check_numbers(module: nn.Module, loss_fn: Callable[..., Any], examples: Examples, count: int) -> None:
    """Refuse examples with NaN that the network and its loss do not leave out.

    Raises:
        RunError: saying how many there are, and the first.
    """
    whole = finite((examples.x, examples.y))
    if whole is None:
        return
    bad = torch.nonzero(~whole)[:, 0]
    x, y = (rows_of(part, bad[:count]) for part in (examples.x, examples.y))
    with isolated_torch(), torch.no_grad():
        loss = batch_loss(copied(module).eval(), loss_fn, *(mapped(part, torch.clone) for part in (x, y)))
    if not torch.isfinite(loss):
        raise RunError(
            f"train: {len(bad)} of {len(whole)} examples hold NaN, the first is number {int(bad[0])}, and "
            "their loss is not finite: leave them out, or mask them in the loss"
        )
