"""What optimizers of our own do with the closure that a training hands to their step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def loss_of(closure: Callable[[], Any] | None) -> Any:
    """What the closure returns, called with gradients on as torch's optimizers call it; None without one."""
    import torch

    if closure is None:
        return None
    with torch.enable_grad():
        return closure()
