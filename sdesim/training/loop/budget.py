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
from sdesim.runs.price import EXACT_PRODUCTS, Price
from sdesim.runs.probes import LARGEST
from sdesim.training.data.batches import batch_loss, length, mapped, rows_of
from sdesim.training.data.examples import Examples

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


def reading_price(
    probes: Probes, module: nn.Module, loss_fn: Callable[..., Any], train: Examples, *,
    batch_size: int | None, probed_batch: int, preconditioned: bool, minibatches: int = 1,
    examples_probed: int = 0, exact: bool = False,
) -> Price:  # fmt: skip
    """What the parts of a reading cost, in optimizer steps.

    A minibatch costs O + B f and a probe n(O + B′f) for its gradients (half of O in networks of plain
    layers), O + f for each example that clients hold, and at most 49(O + 5Nf) for its Hessian products, with
    f operations per example and O for each pass. Without draws there are N example gradients beside and 57
    products. Following a tangent vector, which goes along with every step, is not counted.

    Each branch of measured progress makes one step and reads the objective twice on some four batches, a
    third of a pass each.

    Args:
        exact: whether readings without draws are possible.
    """
    f = example_operations(module, loss_fn, train)
    step = minibatches * (_PASS + (batch_size or len(train)) * f)
    once = _PASS / 2 if as_dense(module, loss_fn) else _PASS
    gradients = probes.samples * (once + probed_batch * f) + examples_probed * (once + f)
    product = _PASS + _TWICE * length(train.x) * f
    products = ((2 if preconditioned else 1) * _LANCZOS + _TRACE) * product
    size = sum(p.numel() for p in module.parameters()) * length(train.x)
    whole = size <= LARGEST or probes.exact is True
    return Price(
        gradients=gradients / step,
        products=products / step,
        exact_gradients=(once + length(train.x) * f * (1 if whole else 0)) / step if exact else None,
        exact_products=(EXACT_PRODUCTS if whole else probes.samples) * product / step,
        progress=probes.branches * (1 + 2 * 4 / 3),
    )
