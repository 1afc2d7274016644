"""What a probe costs against an optimizer step, from the sizes of the recipe alone."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from sdesim.networks.fully_connected import as_dense
from sdesim.runs import Probes
from sdesim.training.data.batches import batch_loss, length, mapped, rows_of
from sdesim.training.data.examples import Examples

SHARE = 0.05
# One pass through a network on one thread takes as long as so many operations, however small it is: 0.14 ms
# at 30 to 60 operations a nanosecond.
_PASS = 4e6
# Most Hessian products of a probe: those of Lanczos, and nine for μᵀHμ and Tr(HΣ).
_LANCZOS, _TRACE = 40, 9
# A backward pass through a gradient does as many operations as two gradients, and takes as long as five in
# double precision, for which the processor's cache is too small.
_TWICE = 5.0


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


def affordable(
    probes: Probes, module: nn.Module, loss_fn: Callable[..., Any], train: Examples, *, steps: int,
    batch_size: int | None, probed_batch: int, preconditioned: bool, minibatches: int = 1,
    examples_probed: int = 0,
) -> Probes:  # fmt: skip
    """The probes with an interval: where none is given, such that they cost at most 5% of the steps.

    A minibatch costs O + B f and a probe n(O + B′f) for its gradients (half of O in networks of plain
    layers), O + f for each example that clients hold, and at most 49(O + 5Nf) for its Hessian products, with
    f operations per example and O for each pass. Half of the 5% goes to gradients and half to Hessians, all
    of it where only one is asked for: there are as many probes as that pays for, and at least the one at
    step 0. Following a tangent vector, which goes along with every step, is not counted.

    Measured progress has 5% of its own, priced apart: each branch makes one step and reads the objective
    twice on some four batches, a third of a pass each; as many of the probes measure it as that pays for.
    """
    if probes.every is not None:
        return probes
    chosen = _readings_affordable(
        probes, module, loss_fn, train, steps=steps, batch_size=batch_size, probed_batch=probed_batch,
        preconditioned=preconditioned, minibatches=minibatches, examples_probed=examples_probed,
    )  # fmt: skip
    if chosen.progress_every is not None or chosen.every is None or not chosen.branches:
        return chosen
    # In units of one step, the objective on four batches twice and forwards alone.
    once = chosen.branches * (1 + 2 * 4 / 3)
    return dataclasses.replace(
        chosen, progress_every=max(1, math.ceil((steps // chosen.every + 1) * once / (SHARE * steps)))
    )


def _readings_affordable(
    probes: Probes, module: nn.Module, loss_fn: Callable[..., Any], train: Examples, *, steps: int,
    batch_size: int | None, probed_batch: int, preconditioned: bool, minibatches: int, examples_probed: int,
) -> Probes:  # fmt: skip
    """The same of gradients and Hessians."""
    f = example_operations(module, loss_fn, train)
    step = minibatches * (_PASS + (batch_size or len(train)) * f)
    once = _PASS / 2 if as_dense(module, loss_fn) else _PASS
    gradients = probes.samples * (once + probed_batch * f) + examples_probed * (once + f)
    products = ((2 if preconditioned else 1) * _LANCZOS + _TRACE) * (_PASS + _TWICE * length(train.x) * f)
    budget = SHARE * steps * step
    if not probes.wants("curvature"):
        return dataclasses.replace(probes, every=_spread(budget / gradients, steps))
    if probes.curvature_every is not None:
        return dataclasses.replace(
            probes, every=_spread(budget / (gradients + products / probes.curvature_every), steps)
        )
    # Hessians can't be taken where there is no probe, so gradients are at least as frequent.
    bent = budget / 2 / products
    every = _spread(max(bent, budget / 2 / gradients), steps)
    count = steps // every + 1
    # The last probe takes the Hessian too, which leaves one less for the way there.
    apart = math.ceil(count / (bent - 1)) if bent >= 2 else count
    return dataclasses.replace(probes, every=every, curvature_every=apart)


def _spread(count: float, steps: int) -> int:
    """Interval of so many probes from step 0 on; beyond the last step where one is all."""
    return steps + 1 if count < 2 else steps // math.floor(count) + 1
