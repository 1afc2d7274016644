"""Norms of the examples' shares of a gradient, from the backward pass that the training makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.probes.example_norms import known_layer, refuse_meeting, share_squares


class ExampleShares:
    """Notes inputs and output gradients of the layers, of one batch: `example_norms` without a pass.

    Args:
        model: whose layers are noted. parameters: that are trained. guard: what runs a hook's work.

    Attributes:
        squares: Σ_i |c_i|² over the examples, of the gradient as it was computed; None before `collect`.
        by_parameter: the same of each parameter, by its id.
        sequences: whether an output has positions, over which examples may weigh unequally.
    """

    def __init__(
        self, model: nn.Module, parameters: Sequence[nn.Parameter],
        guard: Callable[[Callable[[], None]], None],
    ) -> None:  # fmt: skip
        refuse_meeting(model)
        trained = {id(p) for p in parameters if p.requires_grad}
        self._parameters = {id(p): (name, p) for name, p in model.named_parameters() if id(p) in trained}
        self._guard = guard
        self._calls: list[list[Any]] = []
        self._handles = [
            part.register_forward_hook(self._note)
            for part in model.modules()
            if any(id(p) in self._parameters for p in part.parameters(recurse=False)) and known_layer(part)
        ]
        self.squares: float | None = None
        self.by_parameter: dict[int, float] = {}
        self.sequences = False

    def close(self) -> None:
        """Detach everything, and let go."""
        for handle in self._handles:
            handle.remove()
        self._handles, self._calls = [], []

    def _note(self, part: nn.Module, given: tuple[Any, ...], output: Any) -> None:
        if torch.is_grad_enabled() and output.requires_grad:
            self._guard(lambda: self._noted(part, given, output))

    def _noted(self, part: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
        if not given:
            raise RunError(f"a {type(part).__name__} is called by keywords")
        call = [part, given[0].detach(), None]
        self._calls.append(call)
        self.sequences |= isinstance(part, nn.Embedding)

        def hook(delta: Tensor) -> None:
            call[2] = delta.detach()

        output.register_hook(hook)  # type: ignore[no-untyped-call]

    def collect(self, size: int | None) -> None:
        """Work out the squares, once the backward pass has ended.

        Raises:
            RunError: a parameter that is used in another way than by a layer that is known.
        """
        calls, self._calls = self._calls, []
        self.squares, self.by_parameter = None, {}
        if size is None or size < 2:
            return
        gradients = {name: p.grad for name, p in self._parameters.values()}
        used = [(part, _single(a), _single(delta)) for part, a, delta in calls if delta is not None]
        with torch.no_grad():
            found = share_squares(used, self._parameters, gradients, size)
        keys = {name: key for key, (name, _) in self._parameters.items()}
        self.by_parameter = {keys[name]: float(squares.sum()) for name, squares in found.items()}
        self.squares = sum(self.by_parameter.values())


def _single(x: Tensor) -> Tensor:
    """Numbers of half precision in float32, whose sums over positions keep them."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
