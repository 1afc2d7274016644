"""What a few examples tell of a network and its loss: is the loss a mean, do the modes differ."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from sdesim.training.data.batches import batch_loss, call, length, rows_of
from sdesim.training.loop.one_seed import isolated_torch

REDUCTIONS = ("mean", "sum", "other", "unknown")
# So many examples are tried, split in parts of 3/8 and 5/8.
_MOST = 32
_UNEVEN = 3 / 8


@dataclass(frozen=True)
class Trial:
    """What was found.

    Attributes:
        reduction: what the loss of a batch is of the losses of its parts: their "mean", weighted by numbers
            of examples, their "sum", "other" (class weights, say), or "unknown" where it can't be tried.
        modes: kinds of layers that compute something else in training than in evaluation.
    """

    reduction: str
    modes: tuple[str, ...]

    def attributes(self) -> dict[str, Any]:
        """Attributes of the run schema."""
        return {"loss_reduction": self.reduction, "modes": list(self.modes)}


def tried(module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any) -> Trial:
    """Try copies of a network and its loss on the first examples; every generator is afterwards as it was.

    Args:
        module: the network, in the mode in which it trains.
        loss_fn: ``loss_fn(output, y)`` → scalar. x, y: examples (n, …).
    """
    x, y = rows_of(x, slice(_MOST)), rows_of(y, slice(_MOST))
    loss = copy.deepcopy(loss_fn) if isinstance(loss_fn, nn.Module) else loss_fn
    with isolated_torch(), torch.no_grad():
        return Trial(_reduction(copy.deepcopy(module).eval(), loss, x, y), _modes(module, x))


def _reduction(model: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any) -> str:
    """A word of `REDUCTIONS`; in evaluation mode, in which examples don't meet."""
    n = length(x)
    cut = max(1, int(_UNEVEN * n))
    if n < 2:
        return "unknown"
    try:
        whole, first, rest = (
            float(batch_loss(model, loss_fn, rows_of(x, some), rows_of(y, some)))
            for some in (slice(None), slice(cut), slice(cut, None))
        )
        tolerance = torch.finfo(next(model.parameters()).dtype).eps ** 0.5
    except Exception:
        return "unknown"
    share = cut / n
    for word, value in (("mean", share * first + (1 - share) * rest), ("sum", first + rest)):
        if abs(whole - value) <= tolerance * (abs(whole) + abs(first) + abs(rest)):
            return word
    return "other"


def _modes(module: nn.Module, x: Any) -> tuple[str, ...]:
    """Kinds of layers that differ between the modes; "unknown" where outputs differ without any known one."""
    named = {type(part).__name__ for part in module.modules() if part.training and _differs(part)}
    if named:
        return tuple(sorted(named))
    try:
        outputs = []
        for mode in (None, False):
            model = copy.deepcopy(module)
            torch.manual_seed(0)
            outputs.append(call(model if mode is None else model.eval(), x))
    except Exception:
        return ()
    training, evaluation = outputs
    if not (torch.is_tensor(training) and torch.is_tensor(evaluation)) or training.shape != evaluation.shape:
        return ()
    close = torch.allclose(training, evaluation, rtol=1e-4, atol=1e-6, equal_nan=True)
    return () if close else ("unknown",)


def _differs(part: nn.Module) -> bool:
    """Whether a layer of torch's own is known to compute something else in training."""
    if isinstance(part, nn.modules.batchnorm._NormBase):
        coupled = isinstance(part, nn.modules.batchnorm._BatchNorm)
        return coupled or part.track_running_stats
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return part.p > 0
    return isinstance(part, nn.RNNBase | nn.MultiheadAttention) and part.dropout > 0
