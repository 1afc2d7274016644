"""A network and its loss, called as training calls them, as functions of a flat θ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from sdesim.errors import RunError
from sdesim.kinds.numbers import as_reals
from sdesim.surfaces.torch.functions import own_tensor
from sdesim.training.data.batches import Stepped, arguments, batch_loss, call, mapped, penalty_of
from sdesim.training.data.weighting import mean_loss
from sdesim.training.probes.guard import Kept

Array = NDArray[np.float64]
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_HALF = (torch.float16, torch.bfloat16)


class NetworkCall:
    """The loss of a batch at any θ, of the user's own network, which is afterwards as it was.

    There are two ways. The functional one puts slices of θ in the place of the parameters for the time of a
    call (`torch.func.functional_call`, the loss included), so that many minibatches can go side by side.
    In place, θ is put into the parameters themselves, and the loss is differentiated by these: whatever
    training's gradients pass through (hooks of parameters, a loss that holds parameters of its own or a list
    of the network's) is then passed through here.

    Inside `open`, modes are those of the reading, hooks of modules are off where they have no effect, and
    everything that a call writes is put back (`Kept`). Examples are copied before a call can write to them.

    Args:
        module: the network. loss_fn: ``loss_fn(output, y)`` → scalar, or an `Objective`.
        modes: of every part of the module, in the order of `modules()`.
        in_place: which way. hooks: whether hooks of modules run.
        cast: numbers in which functional calls compute; None: the network's own, float32 for half precision.
        only: of every parameter, whether θ holds it; the others stay as they are. None: all.

    Attributes:
        parameters: those that θ holds, in its order. dim: d.
        offsets: where each begins among the coordinates of all parameters.
    """

    def __init__(
        self, module: nn.Module, loss_fn: Callable[..., Any], modes: Sequence[bool], *,
        in_place: bool = False, hooks: bool = True, cast: torch.dtype | None = None,
        only: Sequence[bool] | None = None,
    ) -> None:  # fmt: skip
        self.module, self.loss_fn = module, loss_fn
        self.in_place, self.hooks = in_place, hooks
        self._modes = list(modes)
        named = dict(module.named_parameters())
        self.only = None if only is None or all(only) else list(only)
        held = [True] * len(named) if self.only is None else self.only
        self._parameters = {name: p for (name, p), h in zip(named.items(), held, strict=True) if h}
        self._others = {name: p for (name, p), h in zip(named.items(), held, strict=True) if not h}
        self._on_cpu = all(p.device.type == "cpu" for p in named.values())
        self._kinds = {p.dtype for p in named.values()}
        self.parameters = list(self._parameters.values())
        ends = accumulate(p.numel() for p in named.values())
        begins = dict(zip(named, [0, *ends], strict=False))
        self.offsets = [begins[name] for name in self._parameters]
        first = self.parameters[0]
        self.device = first.device
        self.dim = sum(p.numel() for p in self._parameters.values())
        self.half = bool(self._kinds & set(_HALF))
        self._cast = torch.float32 if cast is None and self.half and not in_place else cast
        self.dtype = torch.float64 if torch.float64 in {*self._kinds, cast} else torch.float32
        # Buffers as they are now: what was written since does not matter.
        self._buffers = {name: b.detach().clone() for name, b in module.named_buffers()}
        self._open = 0
        self._kept: Kept | None = None

    @property
    def accuracy(self) -> torch.dtype:
        """The coarsest numbers in which a call computes."""
        if self._cast is not None:
            return self._cast
        return max((k for k in self._kinds if k.is_floating_point), key=lambda k: torch.finfo(k).eps)

    @contextmanager
    def open(self, *, gradient_hooks: bool = True) -> Iterator[None]:
        """Calls are made inside; a nested one does nothing.

        Args:
            gradient_hooks: whether hooks of parameters run.
        """
        if self._open:
            yield
            return
        with ExitStack() as stack:
            stack.enter_context(self.plainly())
            stack.enter_context(torch.random.fork_rng(devices=generators_of(self.device)))
            self._set_modes(stack)
            if not self.hooks:
                for part in self.module.modules():
                    for name in _HOOKS:
                        _silence(getattr(part, name, None), stack)
            if not gradient_hooks:
                for parameter in self._parameters.values():
                    _silence(parameter._backward_hooks, stack)
            hooks = [p._backward_hooks for p in self._parameters.values() if p._backward_hooks]
            self._kept = Kept(self.module, self.loss_fn, hooks)
            self._open += 1
            stack.callback(self._close)
            yield

    @contextmanager
    def plainly(self) -> Iterator[None]:
        """With gradients, without inference mode and autocast, which backward passes feel too."""
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast(self.device.type, enabled=False),
        ):
            yield

    def _close(self) -> None:
        self._open -= 1
        self.reset()
        self._kept = None

    def _set_modes(self, stack: ExitStack) -> None:
        for part, mode in zip(self.module.modules(), self._modes, strict=True):
            if part.training != mode:
                stack.callback(setattr, part, "training", part.training)
                part.training = mode
            if isinstance(part, nn.Embedding | nn.EmbeddingBag) and part.sparse:
                # Sparse gradients have no second derivative and no common vector.
                stack.callback(setattr, part, "sparse", True)
                part.sparse = False

    def reset(self) -> bool:
        """Put back what calls have written so far; gives whether a tensor was written in place, which a
        graph that is still held would miss."""
        return self._kept.restore() if self._kept is not None else False

    def reseed(self, seed: int) -> None:
        """Seed what random layers draw from."""
        if self._on_cpu:
            # torch.manual_seed is slow where there is no device: it keeps every call for those to come.
            torch.default_generator.manual_seed(seed)
        else:
            torch.manual_seed(seed)

    def point(self, theta: Array) -> Tensor:
        """θ (d,) as a tensor of the network's own numbers."""
        return own_tensor(as_reals(theta, "theta", RunError)).to(self.device, self.dtype)

    def inputs(self, x: Any) -> Any:
        """A copy of a batch that a call may write to, in numbers and on the device that it takes."""

        def change(part: Tensor) -> Tensor:
            dtype = self._cast if self._cast is not None and part.is_floating_point() else part.dtype
            return part.detach().to(self.device, dtype, copy=True)

        return mapped(x, change)

    def split(self, flat: Tensor) -> dict[str, Tensor]:
        """The parameters by name, out of θ (d,)."""
        parts, place = {}, 0
        for name, p in self._parameters.items():
            dtype = p.dtype if self._cast is None or not p.is_floating_point() else self._cast
            parts[name] = flat[place : place + p.numel()].reshape(p.shape).to(p.device, dtype)
            place += p.numel()
        return parts

    def functional(
        self, flat: Tensor | dict[str, Tensor], x: Any, y: Any, weights: Tensor | None = None
    ) -> Tensor:
        """L(θ; x, y) by a functional call; under weights q the sum Σ q_i ℓ_i.

        Args:
            flat: θ (d,), or already `split`, which several calls share.
        """
        parts = dict(flat) if isinstance(flat, dict) else self.split(flat)
        if self._cast is not None:
            parts |= {name: p.detach().to(self._cast) for name, p in self._others.items()}
        for name, b in self._buffers.items():
            dtype = b.dtype if self._cast is None or not b.is_floating_point() else self._cast
            parts[name] = b.to(dtype, copy=True)
        self._renew(self.loss_fn)
        value: Tensor
        if weights is None:
            named = {f"module.{name}": part for name, part in parts.items()}
            value = functional_call(Stepped(self.module, self.loss_fn), named, (x, y))
        else:
            output = functional_call(self.module, parts, *arguments(x))
            held = {**self._parameters, **self._others}
            value = self._weighted(
                output, y, weights, ((name, parts.get(name, p)) for name, p in held.items())
            )
        return value

    def _weighted(
        self, output: Any, y: Any, weights: Tensor, parameters: Iterable[tuple[str, Tensor]]
    ) -> Tensor:
        """Σ q_i ℓ_i; penalties have the share Σ q_i, so that those of all batches are they themselves."""
        value: Tensor = mean_loss(self.loss_fn, output, y, weights)
        penalty = penalty_of(self.loss_fn, parameters)
        return value if penalty is None else value + weights.sum().to(value) * penalty

    def _renew(self, *owners: Any) -> None:
        """Copies in the place of buffers, so that the buffers themselves are never written to."""
        for owner in owners:
            if not isinstance(owner, nn.Module) or isinstance(owner, torch.jit.ScriptModule):
                continue
            for part in owner.modules():
                for name, b in part._buffers.items():
                    part._buffers[name] = None if b is None else b.detach().clone()

    @contextmanager
    def weights(self, flat: Tensor) -> Iterator[bool]:
        """θ in the parameters themselves; gives whether they hold it already."""
        here = torch.cat(
            [p.detach().reshape(-1).to(self.device, self.dtype) for p in self._parameters.values()]
        )
        if torch.equal(here, flat.detach()):
            yield True
            return
        place, held = 0, [(p, p.data) for p in self._parameters.values()]
        try:
            for p, data in held:
                piece = flat.detach()[place : place + p.numel()]
                p.data = piece.reshape(p.shape).to(data.device, data.dtype).clone()
                place += p.numel()
            yield False
        finally:
            for p, data in held:
                p.data = data

    def output(self, x: Any) -> Any:
        """The network's output on a copy of x, of the weights in the parameters."""
        self._renew(self.module)
        return call(self.module, self.inputs(x))

    def placed(self, x: Any, y: Any, weights: Tensor | None = None) -> Tensor:
        """L of the weights in the parameters."""
        self._renew(self.module, self.loss_fn)
        if weights is None:
            value: Tensor = batch_loss(self.module, self.loss_fn, x, y)
            return value
        return self._weighted(call(self.module, x), y, weights, self.module.named_parameters())

    def gradient(self, flat: Tensor, x: Any, y: Any, weights: Tensor | None = None) -> tuple[float, Array]:
        """L(θ; x, y) and ∇L (d,) of one batch, and what the call has written put back."""
        try:
            if self.in_place:
                with self.weights(flat):
                    value = self.placed(x, y, weights)
                    slope = self.slopes(value)
            else:
                point = flat.clone().requires_grad_(True)
                value = self.functional(point, x, y, weights)
                (slope,) = torch.autograd.grad(value, point)
            return float(value.detach()), slope.detach().double().cpu().numpy()
        finally:
            self.reset()

    def slopes(self, value: Tensor, *, graph: bool = False) -> Tensor:
        """∂value/∂θ (d,) by the parameters themselves, 0 where it does not depend on one or it is frozen."""
        trained = [p for p in self._parameters.values() if p.requires_grad]
        found: dict[int, Tensor | None] = {}
        if value.requires_grad and trained:
            grads = torch.autograd.grad(value, trained, create_graph=graph, allow_unused=True)
            found = {id(p): g for p, g in zip(trained, grads, strict=True)}
        return torch.cat(
            [
                (torch.zeros_like(p) if g is None else g).reshape(-1).to(self.device, self.dtype)
                for p, g in ((p, found.get(id(p))) for p in self._parameters.values())
            ]
        )


def generators_of(device: torch.device) -> list[int]:
    """Devices beside the CPU whose generators a call on this one may draw from."""
    if device.type == "cpu":
        return []
    return [torch.accelerator.current_device_index() if device.index is None else device.index]


def _silence(hooks: Any, stack: ExitStack) -> None:
    """Empty a dict of hooks until the stack closes."""
    if hooks:
        stack.callback(hooks.update, dict(hooks))
        hooks.clear()
