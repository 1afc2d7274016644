"""Parameters that ranks hold a share of each (FSDP2's ``fully_shard``): what is here of them, and what
backward passes add to the whole ones.

Hooks of such a parameter see the mean over ranks, and its own rows alone. But while a layer works its module
holds the gathered parameter, a leaf of its own, whose hooks see this rank's gradient before it is reduced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sdesim.errors import RunError


def is_sharded(x: Any) -> bool:
    """Whether ranks hold a share of it each."""
    return hasattr(x, "placements") and hasattr(x, "to_local") and hasattr(x, "device_mesh")


def held(x: Any) -> Tensor:
    """What this rank holds of it."""
    local: Tensor = x.to_local() if is_sharded(x) else x
    return local


def copies(p: Any) -> int:
    """How many ranks hold the same share of a sharded parameter.

    Raises:
        RunError: shares that are not rows, or of several dimensions of the mesh.
    """
    shares = [place for place in p.placements if not place.is_replicate()]
    if len(shares) != 1 or type(shares[0]).__name__ != "Shard" or shares[0].dim != 0:
        told = ", ".join(map(str, p.placements))
        raise RunError(f"parameters are split as {told}: only shares of rows (fully_shard) are read")
    return math.prod(p.device_mesh.size(k) for k, place in enumerate(p.placements) if place.is_replicate())


def first_number(p: Any) -> int:
    """Where in the flat parameter this rank's share begins."""
    k = next(k for k, place in enumerate(p.placements) if not place.is_replicate())
    rows, at = -(-p.shape[0] // p.device_mesh.size(k)), p.device_mesh.get_coordinate()[k]
    first: int = min(p.shape[0], at * rows) * math.prod(p.shape[1:])
    return first


class ShardHooks:
    """Hooks on the gathered parameters, which are attached as their modules are called.

    Args:
        model: whose parameters they are. parameters: all that are trained. guard: what runs the work.
        attach: hooks one: its number among ``parameters``, and the gathered one; gives the handle.
    """

    def __init__(
        self, model: nn.Module, parameters: Sequence[nn.Parameter],
        guard: Callable[[Callable[[], None]], None], attach: Callable[[int, Tensor], Any],
    ) -> None:  # fmt: skip
        self._numbers = {id(p): k for k, p in enumerate(parameters) if is_sharded(p)}
        self._guard, self._attach = guard, attach
        self._seen: set[int] = set()
        self._handles: list[Any] = []
        for part in model.modules() if self._numbers else ():
            names = {
                name: self._numbers[id(p)] for name, p in part._parameters.items() if id(p) in self._numbers
            }
            if names:
                self._handles.append(part.register_forward_pre_hook(self._called(names)))

    def close(self) -> None:
        """Detach everything."""
        for handle in self._handles:
            handle.remove()
        self._handles = []

    def _called(self, names: dict[str, int]) -> Callable[[nn.Module, Any], None]:
        def hook(part: nn.Module, given: Any) -> None:
            if torch.is_grad_enabled():
                self._guard(lambda: self._take(part, names))

        return hook

    def _take(self, part: nn.Module, names: dict[str, int]) -> None:
        for name, k in names.items():
            leaf = part._parameters[name]
            if leaf is None or is_sharded(leaf):
                raise RunError(f"{name} works in shares (tensor parallelism): its gradient is of no rank")
            if id(leaf) not in self._seen and leaf.requires_grad:
                self._seen.add(id(leaf))
                self._handles.append(self._attach(k, leaf))
