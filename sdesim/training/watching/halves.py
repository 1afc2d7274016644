"""The shares of two halves of one batch, of any model: half by half forwards again, and backwards with the
gradients that arrived at its outputs.

The two have to add up to the gradient that the training computed, parameter by parameter, and the outputs to
be those that it saw; so examples that meet, penalties on weights, or a model that changes are refused. Where
the model draws random numbers, it is called on the whole batch with the same ones, and each half's gradient
is that of the whole with the other's put to 0.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.probes.example_norms import refuse_meeting
from sdesim.training.probes.guard import Kept
from sdesim.training.watching.aside import aside
from sdesim.training.watching.calls import Batch, outputs_of, rows
from sdesim.training.watching.random_state import RandomState
from sdesim.training.watching.sums import fetched, squares

# Outputs and gradients that are computed again agree to this part.
_AGREED = 1e-3
_HALF = (torch.float16, torch.bfloat16)


def halves(
    model: nn.Module, parameters: Sequence[nn.Parameter], batch: Batch, sums: NDArray[np.float64]
) -> NDArray[np.float64]:
    """|c_j|² (2, P) of the shares of the first ⌊n/2⌋ examples and of the rest in the gradient of a batch.

    Nothing of the training is written to: gradients, buffers and random generators are as they were.

    Args:
        model: at the weights of the call. parameters: (P). batch: whose call was kept.
        sums: |g|² (P,) of its gradient.

    Raises:
        RunError: why the halves can't be told.
    """
    refuse_meeting(model)
    if batch.given is None or batch.size is None or batch.size < 2:
        raise RunError("examples of one batch can't be told from what the model is given")
    if batch.written:
        raise RunError(f"a call of the model writes to {batch.written}: it can't be called again")
    if not batch.arrived:
        raise RunError("no output of the model has a gradient")
    tolerance = _AGREED + max(4 * torch.finfo(x.dtype).eps * (x.dtype in _HALF) for x in batch.outputs)
    with _again(model, batch):
        if batch.drew:
            shares = _masked(model, parameters, batch, tolerance)
        else:
            chosen = (slice(0, batch.size // 2), slice(batch.size // 2, batch.size))
            shares = (_of_half(model, parameters, batch, half, tolerance) for half in chosen)
        first = next(shares)
        one = squares(first)
        second = next(shares)
        other = squares(second)
        torch._foreach_add_(first, second)
        found = fetched([one, other, squares(first)])
    off = np.abs(np.sqrt(found[2]) - np.sqrt(sums)).max() / max(np.sqrt(sums.sum()), 1e-30)
    if not off <= tolerance:
        raise RunError(f"halves of the batch do not add up to its gradient: {off:.1e} of it is missing")
    return np.stack(found[:2])


@contextmanager
def _again(model: nn.Module, batch: Batch) -> Iterator[None]:
    """The circumstances of the call; all random generators, and whatever the model keeps beside its weights
    (counters, queues, generators of its own), are afterwards as they were found."""
    assert batch.before is not None
    now = RandomState.now({p.device for p in model.parameters()})
    with ExitStack() as stack:
        stack.callback(Kept(model).restore)
        stack.callback(now.restore)
        stack.enter_context(aside())
        stack.enter_context(torch.enable_grad())
        if "torch._dynamo" in sys.modules:
            # What was compiled would be compiled again for half a batch.
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for kind, dtype in batch.autocast:
            stack.enter_context(torch.autocast(kind, dtype=dtype))
        batch.before.restore()
        yield


def _of_half(
    model: nn.Module, parameters: Sequence[nn.Parameter], batch: Batch, half: slice, tolerance: float
) -> list[Tensor]:
    assert batch.given is not None
    args, kwargs = rows(batch.given[0], batch, half), rows(batch.given[1], batch, half)
    outputs = outputs_of(model(*args, **kwargs))
    _agree(outputs, {place: rows(batch.outputs[place], batch, half) for place, _ in batch.arrived}, tolerance)
    deltas = {place: rows(delta, batch, half) for place, delta in batch.arrived}
    return _back(outputs, deltas, parameters, last=True)


def _masked(
    model: nn.Module, parameters: Sequence[nn.Parameter], batch: Batch, tolerance: float
) -> Iterator[list[Tensor]]:
    assert batch.given is not None
    assert batch.size is not None
    outputs = outputs_of(model(*batch.given[0], **batch.given[1]))
    _agree(outputs, {place: batch.outputs[place] for place, _ in batch.arrived}, tolerance)
    middle = batch.size // 2
    for other, last in ((slice(middle, None), False), (slice(0, middle), True)):
        deltas = {}
        for place, delta in batch.arrived:
            deltas[place] = delta.clone()
            if batch.axis_of(delta) is None:
                raise RunError("an output of the model has no axis of examples")
            rows(deltas[place], batch, other).zero_()
        yield _back(outputs, deltas, parameters, last=last)


def _agree(outputs: Sequence[Tensor], expected: Mapping[int, Tensor], tolerance: float) -> None:
    for place, b in expected.items():
        if place >= len(outputs) or outputs[place].shape != b.shape:
            raise RunError("outputs of half a batch are not half of its outputs")
        a = outputs[place].detach()
        if not float((a - b).abs().max()) <= tolerance * (float(b.abs().max()) + 1e-30):
            raise RunError("the model gives other outputs for half a batch than for the whole")


def _back(
    outputs: Sequence[Tensor], deltas: dict[int, Tensor], parameters: Sequence[nn.Parameter], *, last: bool
) -> list[Tensor]:
    """Gradients of the parameters from those at the outputs, of which none counts that others are made of."""
    places = list(deltas)
    ends = [places.pop(0)]
    while places:
        # What arrived later may be what an end is made of, and its gradient that of the end.
        made = torch.autograd.grad(
            [outputs[k] for k in ends], [outputs[k] for k in places], [deltas[k] for k in ends],
            retain_graph=True, allow_unused=True,
        )  # fmt: skip
        apart = [k for k, g in zip(places, made, strict=True) if g is None]
        ends, places = ends + apart[:1], apart[1:]
    found: Any = torch.autograd.grad(
        [outputs[k] for k in ends], list(parameters), [deltas[k] for k in ends],
        retain_graph=not last, allow_unused=True,
    )  # fmt: skip
    return [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, found, strict=True)]
