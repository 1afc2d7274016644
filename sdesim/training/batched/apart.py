"""Whether an optimizer of stacked networks moves each as it would alone, found by trying it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.training.batched.stack import Stack

# Networks and steps of the trial.
_NETWORKS, _STEPS = 3, 8
# Gradients are of sizes between these powers of ten, so that a threshold of any size is met by some.
_LEAST, _MOST = -6.0, 6.0


def steps_apart(new_optimizer: Callable[[list[Any]], Any], module: nn.Module) -> bool:
    """Whether a step of stacked networks is, for each of them, the step that it makes alone.

    It is where each coordinate moves by its own gradients alone. Tried on a few networks with random weights
    and gradients of very different sizes, one of which stops being finite: what couples the coordinates
    (norms, factors, orthogonalisation, clipping), looks at the axes of a parameter, at the loss or at a
    generator, or skips a step for another network's sake, makes another step. Weights, states and settings
    are compared after each.

    Args:
        new_optimizer: of a list of parameters. module: whose shapes are tried; it is left alone.
    """
    try:
        return _alike(new_optimizer, module)
    except Exception:
        # Such as a state of other shapes, a step that never calls its closure, a factory of these weights.
        return False


def _alike(new_optimizer: Callable[[list[Any]], Any], module: nn.Module) -> bool:
    generator = torch.Generator().manual_seed(0)
    models = [copy.deepcopy(module) for _ in range(_NETWORKS)]
    for parameter in (p for model in models for p in model.parameters()):
        parameter.data = torch.randn(parameter.shape, generator=generator).to(parameter.dtype)
    alone = [new_optimizer(list(model.parameters())) for model in models]
    # Where the stack hands out its parts, beside those that step alone.
    copies = copy.deepcopy(models)
    parts = [new_optimizer(list(model.parameters())) for model in copies]
    stack = Stack(copies, new_optimizer, _NETWORKS)
    if not _same_groups([(alone[0], list(models[0].parameters())), (stack.optimizer, stack.parameters)]):
        return False
    for step in range(_STEPS):
        gradients = [_gradients(model, generator) for model in models]
        if step == _STEPS // 2:
            gradients[0][0].fill_(torch.nan)
        losses = torch.rand(_NETWORKS, generator=generator)
        for model, optimizer, own, loss in zip(models, alone, gradients, losses, strict=True):
            _step(optimizer, list(model.parameters()), own, loss)
        whole = [torch.stack(column) for column in zip(*gradients, strict=True)]
        _step(stack.optimizer, stack.parameters, whole, losses.sum())
        for at in range(_NETWORKS):
            stack.give_weights(at)
            stack.give_state(at, parts[at])
            if not _same(models[at], alone[at], copies[at], parts[at]):
                return False
    return True


def _gradients(model: nn.Module, generator: torch.Generator) -> list[Tensor]:
    power = _LEAST + (_MOST - _LEAST) * float(torch.rand((), generator=generator))
    return [(10.0**power * torch.randn(p.shape, generator=generator)).to(p.dtype) for p in model.parameters()]


def _step(optimizer: Any, parameters: Sequence[Any], gradients: Sequence[Tensor], loss: Tensor) -> None:
    called = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient.clone()
        called.append(True)
        return loss

    optimizer.step(closure)
    if len(called) != 1:
        raise ValueError("a step must call its closure once")


def _same_groups(owners: Sequence[tuple[Any, Sequence[Any]]]) -> bool:
    """Whether optimizers hold the same parameters, by their number, in groups of the same settings."""
    found = []
    for optimizer, parameters in owners:
        places = {id(p): k for k, p in enumerate(parameters)}
        found.append(
            [
                {**group, "params": [places[id(p)] for p in group["params"]]}
                for group in optimizer.param_groups
            ]
        )
    return all(_equal(groups, found[0]) for groups in found)


def _same(model: nn.Module, optimizer: Any, other: nn.Module, its: Any) -> bool:
    """Whether two networks have the same weights, and their optimizers the same states and settings."""
    pairs = list(zip(model.parameters(), other.parameters(), strict=True))
    return (
        all(_equal(a.detach(), b.detach()) for a, b in pairs)
        and len(optimizer.state) == len(its.state)
        and all(_equal(dict(optimizer.state.get(a, {})), dict(its.state.get(b, {}))) for a, b in pairs)
        and _same_groups([(optimizer, list(model.parameters())), (its, list(other.parameters()))])
    )


def _equal(a: Any, b: Any) -> bool:
    """Equal to rounding, in plain containers."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if not a.is_floating_point():
            return torch.equal(a, b)
        finite = a[a.isfinite()].abs()
        size = float(finite.max()) if finite.numel() else 0.0
        exact = torch.finfo(a.dtype).eps
        return torch.allclose(a, b, rtol=1e3 * exact, atol=10 * exact * size, equal_nan=True)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    return type(a) is type(b) and bool(a == b)
