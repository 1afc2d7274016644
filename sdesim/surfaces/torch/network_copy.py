"""A copy of a network into which weights are put, and the ways to the losses of its examples."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

Way = Callable[["NetworkCopy", Tensor, Tensor], Tensor]


class NetworkCopy:
    """A copy of the network into which weights are put: one for each thread.

    Attributes:
        way: to the losses of examples, None where the loss is not their mean.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], dtype: torch.dtype, device: torch.device,
        way: Way | None = None,
    ) -> None:  # fmt: skip
        self.module = copy.deepcopy(module).to(device, dtype)
        self.loss_fn = copy.deepcopy(loss_fn).to(device, dtype) if isinstance(loss_fn, nn.Module) else loss_fn
        self.of_weights = getattr(self.loss_fn, "of_weights", None)
        named = dict(self.module.named_parameters())
        for parameter in named.values():
            # Memory of its own, aligned: products round by where their factors lie.
            parameter.data = parameter.data.clone(memory_format=torch.contiguous_format)
            parameter.requires_grad_(True)
        self.shapes = {name: p.shape for name, p in named.items()}
        self.parameters = list(named.values())
        self._sizes = [p.numel() for p in self.parameters]
        self._buffers = [
            (owner, name, buffer, buffer.clone(), buffer._version)
            for owner in self.module.modules()
            for name, buffer in owner.named_buffers(recurse=False)
        ]
        self.unreduced = _without_mean(self.loss_fn)
        self.way = way

    @torch.no_grad()
    def load(self, theta: Tensor) -> None:
        """Put weights θ (D,) into the network."""
        for parameter, part in zip(self.parameters, torch.split(theta, self._sizes), strict=True):
            parameter.copy_(part.view(parameter.shape))

    def output(self, x: Tensor) -> Any:
        """module(x), its buffers left as they were: batch normalisation writes to them."""
        found = self.module(x)
        for owner, name, buffer, before, version in self._buffers:
            if getattr(owner, name) is not buffer:
                setattr(owner, name, buffer)
            if buffer._version != version:
                # Behind autograd's back, which would think a number for the backward pass lost.
                buffer.data.copy_(before)
        return found

    def penalty(self) -> Any:
        """What the loss adds for the weights alone."""
        return 0.0 if self.of_weights is None else self.of_weights(dict(self.module.named_parameters()))

    def loss(self, x: Tensor, y: Tensor) -> Any:
        """The loss of a batch."""
        value = self.loss_fn(self.output(x), y)
        return value if self.of_weights is None else value + self.penalty()

    def losses(self, x: Tensor, y: Tensor) -> Tensor:
        """The losses of the examples (m,)."""
        assert self.way is not None
        return self.way(self, x, y)

    def add(self, value: Tensor, out: Tensor, keep: bool = False) -> None:
        """out (D,) ← out + ∇value."""
        found = torch.autograd.grad(value, self.parameters, retain_graph=keep, allow_unused=True)
        for gradient, part in zip(found, torch.split(out, self._sizes), strict=True):
            if gradient is not None:
                part += gradient.reshape(-1)

    def picked(self, theta: Tensor, x: Tensor, y: Tensor, out: Tensor) -> None:
        """out (D,) ← out + the gradient of the loss of a batch at θ (D,)."""
        self.load(theta)
        self.add(self.loss(x, y), out)

    def program(self, points: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Gradients (W, D) at points (W, D) of the losses of batches x, y (W, B, …), side by side."""
        columns = torch.split(points, self._sizes, 1)
        parts = {
            name: column.reshape(-1, *shape).contiguous().requires_grad_(True)
            for (name, shape), column in zip(self.shapes.items(), columns, strict=True)
        }
        losses = vmap(self.of_parts)(parts, x, y)
        found = torch.autograd.grad(losses.sum(), list(parts.values()), allow_unused=True)
        pairs = zip(parts.values(), found, strict=True)
        return torch.cat([(torch.zeros_like(p) if g is None else g).flatten(1) for p, g in pairs], 1).detach()

    def of_parts(self, parts: dict[str, Tensor], x: Tensor, y: Tensor) -> Any:
        """The loss of a batch as a function of the parameters by name."""
        buffers = {name: b.clone() for name, b in self.module.named_buffers()}
        value = self.loss_fn(functional_call(self.module, {**parts, **buffers}, (x,)), y)
        return value if self.of_weights is None else value + self.of_weights(parts)

    def functional(self, theta: Tensor, x: Tensor, y: Tensor) -> Any:
        """The loss of a batch as a function of θ (D,)."""
        pairs = zip(self.shapes.items(), torch.split(theta, self._sizes), strict=True)
        return self.of_parts({name: part.reshape(shape) for (name, shape), part in pairs}, x, y)

    def saved(self, x: Tensor, y: Tensor) -> int:
        """How many numbers a forward pass over examples keeps for the backward pass, beside the weights."""
        own = {p.data_ptr() for p in self.parameters}
        kept: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            if tensor.data_ptr() not in own:
                kept[tensor.data_ptr()] = max(tensor.numel(), kept.get(tensor.data_ptr(), 0))
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            self.loss(x, y)
        return max(1, sum(kept.values()))


def way_to_examples(
    network: NetworkCopy, x: Tensor, y: Tensor, points: Sequence[Tensor], share: float
) -> Way | None:
    """The first way that gives the losses of the examples alone; None where the loss of all, or of half of
    them, is not their mean.

    Args:
        points: θ (D,) where it is tried. share: relative difference that rounding may leave.
    """

    def same(a: Tensor, b: Tensor) -> bool:
        return bool(torch.allclose(a, b, rtol=share, atol=1e-3 * share))

    n = len(x)
    few = sorted({0, n // 2, n - 1})
    half = slice(0, max(1, n // 2))

    def holds(way: Way, point: Tensor) -> bool:
        network.load(point)
        alone = torch.stack([network.loss(x[i : i + 1], y[i : i + 1]) for i in few])
        found = way(network, x, y)
        return (
            found.shape == (n,)
            and same(found[few], alone)
            and same(found.mean(), network.loss(x, y))
            and same(found[half].mean(), network.loss(x[half], y[half]))
        )

    for way in (_unreduced, _side_by_side, _by_output, _one_by_one):
        try:
            if all(holds(way, point) for point in points):
                return way
        except (RuntimeError, ValueError, TypeError, IndexError):
            # Some losses don't take this way; some modules take no single example (batch normalisation in
            # training mode), and have none.
            continue
    return None


def _unreduced(network: NetworkCopy, x: Tensor, y: Tensor) -> Tensor:
    """Losses of examples by torch's own losses that can leave out their mean."""
    if network.unreduced is None:
        raise ValueError("the loss has no such form")
    found: Tensor = network.unreduced(network.output(x), y)
    found = found.flatten(1).mean(1) if found.ndim > 1 else found
    return found if network.of_weights is None else found + network.penalty()


def _side_by_side(network: NetworkCopy, x: Tensor, y: Tensor) -> Tensor:
    """Losses of examples, the network and the loss each over all at once."""
    output = network.output(x)
    found: Tensor = vmap(lambda one, target: network.loss_fn(one[None], target[None]))(output, y)
    return found if network.of_weights is None else found + network.penalty()


def _by_output(network: NetworkCopy, x: Tensor, y: Tensor) -> Tensor:
    """Losses of examples, one output after the other: losses with control flow on values."""
    output = network.output(x)
    found = torch.stack([network.loss_fn(output[i : i + 1], y[i : i + 1]) for i in range(len(x))])
    return found if network.of_weights is None else found + network.penalty()


def _one_by_one(network: NetworkCopy, x: Tensor, y: Tensor) -> Tensor:
    """Losses of examples, one call after the other: networks whose outputs are not one row an example."""
    return torch.stack([network.loss(x[i : i + 1], y[i : i + 1]) for i in range(len(x))])


def _without_mean(loss_fn: Callable[..., Any]) -> Callable[..., Any] | None:
    """The loss without its mean over examples, where it has that form as torch's own losses do."""
    if isinstance(loss_fn, nn.Module):
        if getattr(loss_fn, "reduction", None) != "mean":
            return None
        other = copy.copy(loss_fn)
        vars(other)["reduction"] = "none"
        return other
    try:
        known = "reduction" in inspect.signature(loss_fn).parameters
    except (TypeError, ValueError):
        return None
    return partial(loss_fn, reduction="none") if known else None
