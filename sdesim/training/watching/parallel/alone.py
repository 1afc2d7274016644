"""Passes of one rank alone, in which no rank may wait for another."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from sdesim.errors import RunError


class Alone(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within it a collective is refused before it is called: the other ranks do not make this pass.

    Raises:
        RunError: whoever calls one, in which.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if "c10d" in func.namespace:
            raise RunError(f"a pass of this rank alone calls {func}, which waits for the others")
        return func(*args, **(kwargs or {}))
