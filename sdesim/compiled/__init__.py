"""Compilation and its cache, generated modules, elementary functions, the generator.

The package is also the decorator of kernels: ``@sdesim.compiled`` is `sdesim.compiled.jit.compiled`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


class _Decorator(ModuleType):
    """A package that can be called."""

    def __call__(self, function: Callable[..., Any]) -> Any:
        """Compile a kernel on first use; later processes load its machine code from disk.

        The code is kept under a stamp of everything that the function is made of: see
        `sdesim.compiled.jit.compiled`.
        """
        from sdesim.compiled.jit import compiled

        return compiled(function)


sys.modules[__name__].__class__ = _Decorator
