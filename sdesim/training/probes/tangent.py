"""The tangent vector of SGD beside the training of a network, for the largest Lyapunov exponent."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from sdesim.errors import RunError
from sdesim.surfaces.torch.functions import own_tensor
from sdesim.surfaces.torch.settings import twice_differentiable
from sdesim.training.data.batches import Stepped

Array = NDArray[np.float64]


def check_tangent(optimizer: Any) -> None:
    """Refuse an optimizer whose tangent map is not that of SGD.

    Raises:
        RunError: naming it.
    """
    if type(optimizer) is not torch.optim.SGD:
        raise RunError(f"probes: tangent needs torch.optim.SGD, it can't follow {type(optimizer).__name__}")


class Tangent:
    """A vector u moved by the derivative of each step: u ← u − η H_B u, H_B of the very batch of the step.

    With momentum the tangent of the buffer goes along: q ← β q + (1 − t)(H_B u + w u), u ← u − η q (t
    dampening, w weight decay), as `torch.optim.SGD` moves θ and its buffer.

    Args:
        model: the network in training. optimizer: its `torch.optim.SGD`.
        direction: of u at the start, (d,) in `named_parameters` order; frozen parameters are left out.

    Raises:
        RunError: another optimizer.
    """

    def __init__(self, model: nn.Module, optimizer: Any, direction: Array) -> None:
        check_tangent(optimizer)
        self._model, self._optimizer = model, optimizer
        everything = list(model.parameters())
        sizes = [p.numel() for p in everything]
        pieces = torch.split(own_tensor(np.asarray(direction)), sizes)  # type: ignore[no-untyped-call,unused-ignore]
        start = dict(zip(map(id, everything), pieces, strict=True))
        self._start = [start[id(p)].reshape(p.shape).to(p.dtype) for p, _ in self._settings()]
        self._log = 0.0
        self._restart()

    def _settings(self) -> list[tuple[Tensor, dict[str, Any]]]:
        """Parameters in training with their group; read anew, because an optimizer that loads a state
        replaces its groups."""
        groups = self._optimizer.param_groups
        return [(p, group) for group in groups for p in group["params"] if p.requires_grad]

    def _restart(self) -> None:
        self._u = [s.clone() for s in self._start]
        self._q: list[Tensor | None] = [None] * len(self._u)
        self._normalise()
        self._log = 0.0

    def _normalise(self) -> None:
        """Length 1 of (u, q), the log of what it was added up."""
        parts = [*self._u, *(q for q in self._q if q is not None)]
        length = math.sqrt(sum(float(torch.sum(part.double() ** 2)) for part in parts))
        if length == 0.0:
            self._log = -math.inf
            return
        self._log += math.log(length) if math.isfinite(length) else math.nan
        for part in parts:
            part /= length

    def step(self, loss_fn: Callable[..., Any], x: Any, y: Any) -> None:
        """Move with the step that the optimizer is about to make on this batch.

        Random layers draw the numbers that they will draw in that step, and buffers stay as they are.
        """
        settings = self._settings()
        parameters = [p for p, _ in settings]
        buffers = {name: b.clone() for name, b in self._model.named_buffers()}
        with torch.random.fork_rng(devices=[]), twice_differentiable():
            named = {f"module.{name}": b for name, b in buffers.items()}
            loss = functional_call(Stepped(self._model, loss_fn), named, (x, y))
            grads = torch.autograd.grad(loss, parameters, create_graph=True, allow_unused=True)
        along = [(g, u) for g, u in zip(grads, self._u, strict=True) if g is not None and g.requires_grad]
        products: tuple[Tensor | None, ...] = (None,) * len(parameters)
        if along:
            products = torch.autograd.grad(
                [g for g, _ in along], parameters, [u for _, u in along], allow_unused=True
            )
        for k, (product, (_, group)) in enumerate(zip(products, settings, strict=True)):
            self._move(k, product, group)
        self._normalise()

    @torch.no_grad()
    def _move(self, k: int, product: Tensor | None, group: dict[str, Any]) -> None:
        """One parameter's part of the step of SGD, in the tangent."""
        change = torch.zeros_like(self._u[k]) if product is None else product.detach()
        if group["weight_decay"]:
            change = change + group["weight_decay"] * self._u[k]
        if group["maximize"]:
            change = -change
        if group["momentum"]:
            q = self._q[k]
            # As torch does: the first buffer is the gradient itself, without dampening.
            q = change if q is None else group["momentum"] * q + (1 - group["dampening"]) * change
            self._q[k] = q.clone()
            change = change + group["momentum"] * q if group["nesterov"] else q
        self._u[k] = self._u[k] - group["lr"] * change

    def growth(self) -> float:
        """Log growth since it was last read; −∞ where the vector vanished, which then starts anew."""
        grown = self._log
        if math.isinf(grown):
            self._restart()
        self._log = 0.0
        return grown

    def state(self) -> dict[str, Any]:
        """What `restore` needs to go on."""
        return {"u": self._u, "q": self._q, "log": self._log}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._u, self._q, self._log = list(state["u"]), list(state["q"]), float(state["log"])
