"""Networks of one shape as one: their parameters stacked, and an optimizer that moves the stacks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError


class Stack:
    """The networks' parameters θ_g as stacks (G, …), and one optimizer of these.

    Args:
        models: of one shape, fewer than G or as many; what is left of the stack is filled with the first.
        new_optimizer: of a list of parameters.
        size: G.
    """

    def __init__(
        self, models: Sequence[nn.Module], new_optimizer: Callable[[list[Any]], Any], size: int
    ) -> None:
        self.size = size
        self._own = [list(model.parameters()) for model in models]
        self.parameters = [nn.Parameter(part) for part in self._filled(self._own)]
        self.optimizer = new_optimizer(list(self.parameters))

    def _filled(self, parts: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        padded = [*parts, *[parts[0]] * (self.size - len(parts))]
        # In torch's own memory, so that the place of a network in it is the same at each resumption.
        return [torch.stack([p.detach() for p in column]) for column in zip(*padded, strict=True)]

    @torch.no_grad()
    def give_weights(self, at: int) -> None:
        """Let network ``at`` have its weights."""
        for own, whole in zip(self._own[at], self.parameters, strict=True):
            own.copy_(whole[at])

    def give_state(self, at: int, optimizer: Any) -> None:
        """Let the optimizer of network ``at`` be in the state of its part of the stack.

        Raises:
            RunError: the state is no such parts.
        """
        owners = dict(zip(self.parameters, self._own[at], strict=True))
        optimizer.state.clear()
        for whole, entries in self.optimizer.state.items():
            if whole not in owners:
                raise RunError("the optimizer keeps a state beside that of its parameters")
            own = owners[whole]
            optimizer.state[own] = {name: self._part(value, own, at) for name, value in entries.items()}
        for own_group, group in zip(optimizer.param_groups, self.optimizer.param_groups, strict=True):
            own_group.update(_settings(group))

    def _part(self, value: Any, own: Tensor, at: int) -> Any:
        if not isinstance(value, Tensor):
            return copy.deepcopy(value)
        if value.shape == (self.size, *own.shape):
            return value[at].clone()
        if value.ndim:
            raise RunError(f"the optimizer keeps a state of shape {tuple(value.shape)}")
        return value.clone()

    @torch.no_grad()
    def take(self, optimizers: Sequence[Any]) -> None:
        """Take over weights and states of the networks and their optimizers."""
        for whole, part in zip(self.parameters, self._filled(self._own), strict=True):
            whole.copy_(part)
        state = self.optimizer.state
        state.clear()
        for k, whole in enumerate(self.parameters):
            entries = [o.state.get(own[k], {}) for o, own in zip(optimizers, self._own, strict=True)]
            if entries[0]:
                state[whole] = {name: self._whole([e[name] for e in entries], whole) for name in entries[0]}
        for group, own_group in zip(self.optimizer.param_groups, optimizers[0].param_groups, strict=True):
            group.update(_settings(own_group))

    def _whole(self, values: list[Any], whole: Tensor) -> Any:
        first = values[0]
        if not isinstance(first, Tensor):
            return copy.deepcopy(first)
        if first.shape == whole.shape[1:]:
            return self._filled([[value] for value in values])[0]
        return first.clone()


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in group.items() if name != "params"}
