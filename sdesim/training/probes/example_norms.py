"""Norms of the gradients of single examples from one backward pass, without these gradients.

Hooks see the shares of the batch's mean (`layer_shares`), so that g_i is B times what they give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.data.batches import call, length, mapped
from sdesim.training.probes.layer_shares import AGREED, LayerShares, known_layer
from sdesim.training.probes.reduction import MEAN, reduction_of


@dataclass(frozen=True, eq=False)
class ExampleNorms:
    """|g_i|² (B,), float64, and |ḡ|² of one batch.

    Attributes:
        squares: of the gradient of each example's own loss. mean: of the batch's gradient, their mean.
        parts: squares of each parameter that is trained, by name; gradients: of the batch.
    """

    squares: Tensor
    mean: float
    parts: Mapping[str, Tensor] = field(default_factory=dict)
    gradients: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def noise(self) -> float:
        """Tr Σ₁ = (mean |g_i|² − |ḡ|²) B/(B − 1), without bias."""
        n = len(self.squares)
        return (float(self.squares.mean()) - self.mean) * n / (n - 1)


def example_norms(module: nn.Module, loss_fn: Callable[..., Any], x: Any, y: Any) -> ExampleNorms:
    """Squared norms of the examples' gradients at the present weights, exact, from one backward pass.

    Args:
        module: of Linear, Conv1d, Conv2d, Embedding, LayerNorm, RMSNorm and GroupNorm layers, as far as they
            have parameters that are trained; each may be used several times, and weights may be shared.
        loss_fn: ``loss_fn(output, y)`` → the mean of the examples' losses. x, y: B ≥ 2 examples.

    Raises:
        RunError: a parameter that is used in another way, examples that meet (batch normalisation in
            training), or a loss that is no mean: in one line, which.
    """
    size = length(x)
    if size < 2:
        raise RunError(f"example_norms needs at least 2 examples, got {size}")
    refuse_meeting(module)
    parameters = {id(p): (name, p) for name, p in module.named_parameters() if p.requires_grad}
    if not parameters:
        raise RunError("example_norms: the module has no parameters to train")
    calls: list[tuple[nn.Module, Tensor, Tensor]] = []

    def note(part: nn.Module, given: tuple[Any, ...], output: Tensor) -> Tensor:
        if not given:
            raise RunError(f"example_norms: a {type(part).__name__} is called by keywords")
        calls.append((part, given[0].detach(), output))
        # What follows may write to it.
        return output.clone()

    with ExitStack() as stack, torch.enable_grad():
        for part in module.modules():
            if any(id(p) in parameters for p in part.parameters(recurse=False)) and known_layer(part):
                stack.callback(part.register_forward_hook(note).remove)
        output = call(module, x)
        value = loss_fn(output, y)
    with torch.no_grad():
        reduction = reduction_of(loss_fn, mapped(output, torch.Tensor.detach), y)
    if reduction != MEAN:
        raise RunError(f"example_norms needs a loss that is the mean of the examples', this is: {reduction}")
    outputs, weights = [output for _, _, output in calls], [p for _, p in parameters.values()]
    found = torch.autograd.grad(value, [*outputs, *weights], allow_unused=True)
    used = [
        (part, given, delta)
        for (part, given, _), delta in zip(calls, found[: len(outputs)], strict=True)
        if delta is not None
    ]
    whole = {
        name: torch.zeros_like(p) if gradient is None else gradient
        for (name, p), gradient in zip(parameters.values(), found[len(outputs) :], strict=True)
    }
    shares = LayerShares({key: p for key, (_, p) in parameters.items()}, size)
    for part, given, delta in used:
        shares.add(part, given, delta)
    shares.meet({key: whole[name] for key, (name, _) in parameters.items()})
    off = shares.off()
    for key, (name, _) in parameters.items():
        if not float(off[key]) <= AGREED:
            raise RunError(f"example_norms: {name} is used in another way than by its own layer")
    parts = {name: shares.squares(key) * size**2 for key, (name, _) in parameters.items()}
    mean = sum(float(gradient.double().square().sum()) for gradient in whole.values())
    return ExampleNorms(torch.stack(list(parts.values())).sum(dim=0), mean, parts, whole)


def refuse_meeting(module: nn.Module) -> None:
    """Refuse a module in which examples meet.

    Raises:
        RunError: batch normalisation in training.
    """
    for name, part in module.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.training:
            raise RunError(f"example_norms: examples meet in {name}: there is no gradient of a single one")
