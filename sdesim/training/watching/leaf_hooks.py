"""Hooks on parameters that are gone when they are removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


def remove_hooks(handles: Iterable[Any], parameters: Iterable[Tensor]) -> None:
    """Remove hooks of these parameters; where no other one is left, none of torch's is either.

    Without that torch goes on calling from its engine into Python for each parameter of each backward pass,
    to find no hook there: 5 µs a step of a small network. Within a backward pass, where torch may be walking
    along them, they are emptied alone. Not for where others' hooks are set aside meanwhile.
    """
    for handle in handles:
        handle.remove()
    if torch._C._current_graph_task_id() != -1:
        return
    for p in parameters:
        # An empty table of hooks, as the last handle leaves it.
        if p._backward_hooks is not None and not p._backward_hooks:
            p._backward_hooks = None
