"""What the user gave to `record`, checked and laid out as the recipe of one seed."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from sdesim.errors import RunError, first_line
from sdesim.networks.fully_connected import parameter_groups
from sdesim.runs import Probes, projection_directions, saved_steps
from sdesim.training.data.augmentation import Augment
from sdesim.training.data.examples import (
    Examples,
    Order,
    batch_order,
    training_and_test,
    with_readings,
    with_weights,
)
from sdesim.training.data.weighting import is_mean
from sdesim.training.loop.budget import affordable
from sdesim.training.loop.clients import Clients, check_clients
from sdesim.training.loop.one_seed import READINGS, Recipe, isolated_torch, stream_seed
from sdesim.training.loop.svag import check_factor
from sdesim.training.probes.network_oracle import surviving_groups
from sdesim.training.probes.preconditioning import needs_metric

_SAVED_POINTS = 200
_SAVEABLE = ("theta", "loss")


def make_recipe(
    module: nn.Module,
    loss_fn: Callable[..., Any],
    train: Any,
    test: Any,
    optimizer: Callable[..., Any],
    *,
    steps: int,
    batch_size: int | None,
    seed: int,
    init: str | NDArray[np.float64],
    scheduler: Callable[..., Any] | None,
    save_every: int | None,
    save: Sequence[str],
    probes: Probes | None,
    sampling: str,
    weights: ArrayLike | str | None,
    augment: Augment | None,
    mask: NDArray[np.bool_] | None,
    amplify: int,
    clients: Clients | None,
) -> Recipe:
    """Check what the user gave and lay out the run; arguments as of `record`.

    Raises:
        RunError: if an argument is out of range or does not fit the others.
    """
    parameters = list(module.parameters())
    _check_module(module)
    if isinstance(init, str) and init not in ("module", "fresh"):
        raise RunError(f'init must be "module", "fresh" or an array of parameters, got {init!r}')
    if steps < 1:
        raise RunError(f"steps must be at least 1, got {steps}")
    if seed < 0:
        raise RunError(f"seed must be at least 0, got {seed}")
    if save_every is not None and save_every < 1:
        raise RunError(f"save_every must be at least 1, got {save_every}")
    wrong = [s for s in save if s not in _SAVEABLE]
    if wrong:
        raise RunError(f"save takes {', '.join(_SAVEABLE)}, got {', '.join(map(repr, wrong))}")
    examples, held_out = training_and_test(train, test, parameters[0].dtype, stream_seed(seed, 0, READINGS))
    examples = with_weights(examples, train, weights)
    order = batch_order(train, examples, batch_size, sampling)
    examples = with_readings(
        examples, augment, order.batch_size, lambda number: stream_seed(seed, 0, READINGS, number)
    )
    check_loss(module, loss_fn, examples, order.batch_size)
    every = save_every or max(1, steps // _SAVED_POINTS)
    dim, groups = sum(p.numel() for p in parameters), parameter_groups(module)
    if mask is not None:
        if np.shape(mask) != (dim,) or np.asarray(mask).dtype != np.bool_ or not np.any(mask):
            raise RunError(f"mask must be {dim} booleans, at least one true, got shape {np.shape(mask)}")
        if probes is not None and probes.tangent:
            raise RunError("probes: tangent can't follow a network with a mask")
        groups, dim = surviving_groups(groups, mask), int(np.sum(mask))
    example = example_optimizer(module, optimizer)
    if clients is not None:
        check_clients(
            clients, module, examples, order, example, scheduled=scheduler is not None,
            masked=mask is not None, amplified=amplify != 1, probes=probes,
        )  # fmt: skip
    preconditioned = needs_metric(example)
    _check_amplified(amplify, module, example, order)
    if probes is not None:
        with isolated_torch():
            probes = affordable(
                probes, module, loss_fn, examples, steps=steps, batch_size=order.batch_size,
                probed_batch=probes.batch_size or order.batch_size or 1, preconditioned=preconditioned,
                minibatches=1 if clients is None else clients.minibatches,
                examples_probed=0 if clients is None else len(examples),
            )  # fmt: skip
    rates = _learning_rates(module, optimizer, scheduler, steps)
    return Recipe(
        module=module,
        loss_fn=loss_fn,
        train=examples,
        test=held_out,
        optimizer=optimizer,
        scheduler=scheduler,
        steps=steps,
        order=order,
        init=init if isinstance(init, str) else "given",
        starts=None if isinstance(init, str) else np.array(init, dtype=np.float64),
        seed=seed,
        saved=saved_steps(steps, every),
        rates=rates,
        follows_loss=bool(np.isnan(rates[-1])),
        save_theta="theta" in save,
        directions=projection_directions(dim),
        probes=probes,
        probe_steps=np.zeros(0, dtype=np.int64) if probes is None else probes.probe_steps(steps),
        groups=groups,
        mask=mask,
        preconditioned=preconditioned,
        amplify=int(amplify),
        clients=clients,
    )


def _check_amplified(factor: Any, module: nn.Module, optimizer: Any, order: Order) -> None:
    """Refuse amplified noise where it isn't defined.

    Raises:
        RunError: naming what it needs.
    """
    check_factor(factor, "amplify must be a whole number")
    if factor == 1:
        return
    group = optimizer.param_groups[0]
    if type(optimizer) is not torch.optim.SGD or group["momentum"] or group["weight_decay"]:
        raise RunError("amplify needs torch.optim.SGD without momentum and weight decay")
    if order.sampling not in ("with-replacement", "weighted"):
        raise RunError(f'amplify needs minibatches of sampling="with-replacement", got "{order.sampling}"')
    if any(isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules()):
        raise RunError("amplify can't go with batch normalisation, which would mix the two minibatches")


def example_optimizer(module: nn.Module, optimizer: Callable[..., Any]) -> Any:
    """An optimizer of a copy of the module."""
    with isolated_torch():
        return optimizer(list(copy.deepcopy(module).parameters()))


def _learning_rates(
    module: nn.Module, optimizer: Callable[..., Any], scheduler: Callable[..., Any] | None, steps: int
) -> NDArray[np.float64]:
    """Learning rate (steps + 1,) of each step, from a rehearsal of the schedule without gradients; NaN after
    step 0 where the schedule follows the loss.

    Raises:
        RunError: if the schedule needs to see more of the training than its loss, or a bad rate.
    """
    with isolated_torch(), warnings.catch_warnings():
        # The rehearsal never calls optimizer.step(), which torch warns about.
        warnings.simplefilter("ignore")
        rehearsal = example_optimizer(module, optimizer)
        rates = np.full(steps + 1, float(rehearsal.param_groups[0]["lr"]))
        if scheduler is not None:
            schedule = scheduler(rehearsal)
            if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
                rates[1:] = np.nan
                return rates
            for step in range(steps + 1):
                rates[step] = float(rehearsal.param_groups[0]["lr"])
                if step < steps:
                    try:
                        schedule.step()
                    except (TypeError, ValueError) as error:
                        raise RunError(f"the scheduler must run {steps} steps on its own: {error}") from error
    if not (np.isfinite(rates).all() and (rates >= 0).all()):
        raise RunError("the learning rate must be finite and at least 0 at every step")
    return rates


def _check_module(module: nn.Module) -> None:
    """Refuse a module without parameters to train, or not on the CPU."""
    parameters = list(module.parameters())
    if not parameters:
        raise RunError("the module has no parameters to train")
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
    with isolated_torch():
        try:
            loss = loss_fn(copy.deepcopy(module)(examples.x[:count]), examples.y[:count])
        except Exception as error:
            raise RunError(
                f"the network or loss_fn fails on a batch of {count} training examples: {first_line(error)}"
            ) from error
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
            output = copy.deepcopy(module).eval()(examples.x[:count])
            if not is_mean(loss_fn, output, examples.y[:count]):
                raise RunError(
                    "weighted examples need a loss that is the mean of the losses of single examples: with "
                    "class weights, for one, a batch has no such mean; give weights= alone"
                )
    if not torch.isfinite(loss):
        raise RunError(
            f"the loss is {float(loss.detach())} before the first step: look for NaN or infinite numbers in "
            "the examples and the weights"
        )
