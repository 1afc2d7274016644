"""Hooks on modules that copies of the modules do without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class ModuleHook:
    """A hook that a copy or a pickle of the module it is attached to has no part of: there it does nothing.

    Without it ``copy.deepcopy(model)`` would copy who reads it, and ``torch.save(model)`` fail.
    """

    def __init__(self, work: Callable[..., Any] | None = None) -> None:
        self._work = work

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return None if self._work is None else self._work(*args, **kwargs)

    def __deepcopy__(self, memo: Any) -> ModuleHook:
        return ModuleHook()

    def __reduce__(self) -> tuple[type[ModuleHook], tuple[()]]:
        return ModuleHook, ()
