"""Norms of the examples' shares of a gradient, from the backward pass that the training makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError
from sdesim.training.probes.example_norms import AGREED, known_layer, refuse_meeting, share_squares


class ExampleShares:
    """Notes inputs and output gradients of the layers, of one batch: `example_norms` without a pass.

    Args:
        model: whose layers are noted. parameters: that are trained. guard: what runs a hook's work.

    Attributes:
        squares: Σ_i |c_i|² over the examples, of the gradient as it was computed; None before `collect`.
        by_parameter: the same of each parameter, by its id. failed: why they could not be worked out.
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
        self.failed: Exception | None = None

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
        call = [part, given[0].detach(), None, -1]
        self._calls.append(call)
        self.sequences |= isinstance(part, nn.Embedding)

        def hook(delta: Tensor) -> None:
            call[2], call[3] = delta.detach(), torch._C._current_graph_task_id()

        output.register_hook(hook)  # type: ignore[no-untyped-call]

    def collect(
        self, size: int | None, task: int | None = None, alone: Mapping[int, Tensor] | None = None
    ) -> None:
        """Work out the squares, once the backward pass has ended; `failed` is why they could not be.

        Args:
            size: examples of the batch. task: number of the backward pass, as autograd counts them, for a
                layer may have been called for others too; None: of any. alone: the pass's gradient by the
                parameter's id, where others may have changed what it left.
        """
        self.failed = None
        try:
            self._collect(size, task, alone)
        except Exception as error:
            self.failed = error

    def _collect(self, size: int | None, task: int | None, alone: Mapping[int, Tensor] | None) -> None:
        calls, self._calls = [call[:3] for call in self._calls if task in (None, call[3])], []
        self.squares, self.by_parameter = None, {}
        if size is None or size < 2:
            return
        gradients = {
            name: p.grad if alone is None else alone.get(key) for key, (name, p) in self._parameters.items()
        }
        used = [(part, _single(a), _single(delta)) for part, a, delta in calls if delta is not None]
        # Under autocast layers round their products to half precision, which the shares are not.
        coarsest = max((torch.finfo(d.dtype).eps for _, _, d in calls if d is not None), default=0.0)
        agreed = max(AGREED, coarsest)
        with torch.no_grad():
            found = share_squares(used, self._parameters, gradients, size, agreed)
        keys = {name: key for key, (name, _) in self._parameters.items()}
        self.by_parameter = {keys[name]: float(squares.sum()) for name, squares in found.items()}
        self.squares = sum(self.by_parameter.values())


def _single(x: Tensor) -> Tensor:
    """Numbers of half precision in float32, whose sums over positions keep them."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
