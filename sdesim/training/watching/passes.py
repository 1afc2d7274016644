"""Losses and gradients of batches at the weights where a network stands, given parameter by parameter.

Nothing of the length of all parameters is made here: who asks for a gradient gets each parameter's as soon as
the backward pass has it, and keeps of it what it needs. Gradients of the training are neither read nor
written, and hooks of parameters don't run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.io.memory import paged
from sdesim.training.probes.example_norms import refuse_meeting
from sdesim.training.probes.network_call import NetworkCall
from sdesim.training.probes.reading import held_parameters
from sdesim.training.probes.reduction import SUM, split_reduction

Take = Callable[[int, Tensor], None]


class Passes:
    """Passes of a network in the modes that its parts are in.

    Args:
        model: in training. loss_fn: as of `batch_loss`. optimizer: what it trains is what gradients are of.

    Attributes:
        parameters: that are trained. places: where each lies in a vector of all. dim: their number.
    """

    def __init__(self, model: nn.Module, loss_fn: Any, optimizer: Any) -> None:
        modes = [part.training for part in model.modules()]
        self.called = NetworkCall(
            model, loss_fn, modes, in_place=True, only=held_parameters(model, optimizer)
        )  # fmt: skip
        self.parameters = [p for p in self.called.parameters if p.requires_grad]
        if any(hasattr(p, "to_local") for p in self.parameters):
            raise RunError("parameters are shared out over ranks: no pass can be made on one alone")
        if any(isinstance(part, nn.SyncBatchNorm) and part.training for part in model.modules()):
            raise RunError("batch normalisation waits for other ranks: no pass can be made on one alone")
        self.places, self.dim = [], 0
        for p in self.parameters:
            self.places.append(slice(self.dim, self.dim + p.numel()))
            self.dim += p.numel()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Passes are made inside; what they write elsewhere than to weights is put back."""
        with self.called.open(gradient_hooks=False), paged():
            yield

    def vector(self, dtype: torch.dtype | None = None) -> Tensor:
        """Zeros (dim,), in the network's own numbers where no others are asked for."""
        return torch.zeros(self.dim, dtype=dtype or self.called.accuracy, device=self.called.device)

    def loss(self, x: Any, y: Any, seed: int) -> float:
        """L of a batch."""
        with torch.no_grad():
            try:
                return float(self._value(x, y, seed))
            finally:
                self.called.reset()

    def gradient(self, x: Any, y: Any, seed: int, take: Take) -> None:
        """∇L of a batch: ``take(k, gradient)`` for each parameter that it depends on."""

        def hook(k: int) -> Callable[[Tensor], Tensor]:
            def taken(g: Tensor) -> Tensor:
                with torch.no_grad():
                    take(k, g.detach())
                # What is given on is not kept until all are there.
                return g.new_zeros(()).expand(g.shape)

            return taken

        handles = [p.register_hook(hook(k)) for k, p in enumerate(self.parameters)]  # type: ignore[no-untyped-call]
        try:
            torch.autograd.grad(self._value(x, y, seed), self.parameters, allow_unused=True)
        finally:
            for handle in handles:
                handle.remove()
            self.called.reset()

    @contextmanager
    def at(self, weight: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
        """Other weights in the place of the parameters': ``weight(k, present)`` of each."""
        held = [p.data for p in self.parameters]
        try:
            for k, p in enumerate(self.parameters):
                p.data = weight(k, p.data)
            yield
        finally:
            for p, data in zip(self.parameters, held, strict=True):
                p.data = data

    @property
    def meets(self) -> bool:
        """Whether examples of a batch meet, so that a part of it is no batch."""
        try:
            refuse_meeting(self.called.module)
        except RunError:
            return True
        return False

    def sums(self, x: Any, y: Any, seed: int) -> bool:
        """Whether the loss of a batch is a sum over its examples."""
        return split_reduction(lambda a, b: self.loss(a, b, seed), x, y) == SUM

    def rounds(self, x: Any, y: Any, seed: int) -> bool:
        """Whether the network computes in half precision by an autocast of its own."""
        device, seen = self.called.device.type, []

        def note(*given: Any) -> None:
            seen.append(torch.is_autocast_enabled(device))

        handles = [part.register_forward_pre_hook(note) for part in self.called.module.modules()]
        try:
            self.loss(x, y, seed)
        finally:
            for handle in handles:
                handle.remove()
        return any(seen)

    def _value(self, x: Any, y: Any, seed: int) -> Tensor:
        self.called.reseed(seed)
        # Copies: a forward pass may write to its inputs.
        return self.called.placed(self.called.inputs(x), self.called.inputs(y))
