"""Single precision: functions whose constants are float32, as their blocks are.

A constant of Python is a float64, and one of them in an expression makes Numba work the whole of it out in
float64. Functions compiled here have their constants rounded to float32 first, so that blocks of float32 stay
what they are, twice as many numbers to a vector. They are compiled from the same source as the others.
"""
# mypy: disable-error-code="no-untyped-call,misc"

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numba.core import ir
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.untyped_passes import InlineInlinables

from sdesim.compiled.jit import compiled_with

_TWINS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


class _Narrow(FunctionPass):
    """Rounds the float constants of a function to float32; what is inlined into it has become part of it."""

    _name = "narrow_constants"
    calls = False

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """Whether anything was changed."""
        changed = False
        for block in state.func_ir.blocks.values():
            for statement in block.body:
                source = getattr(statement, "value", None)
                if not isinstance(source, ir.Const | ir.Global | ir.FreeVar):
                    continue
                if type(source.value) is float:
                    statement.value = ir.Const(np.float32(source.value), source.loc)
                    changed = True
                elif self.calls and isinstance(source.value, Dispatcher):
                    statement.value = ir.Const(single(source.value), source.loc)
                    changed = True
        return changed


@register_pass(mutates_CFG=False, analysis_only=False)
class _NarrowConstants(_Narrow):
    """Of the function alone: what it calls is left as it is."""


@register_pass(mutates_CFG=False, analysis_only=False)
class _NarrowAll(_Narrow):
    """Of the function and of all that it calls."""

    _name = "narrow_all"
    calls = True


class _Constants(CompilerBase):
    narrow: Any = _NarrowConstants

    def define_pipelines(self) -> list[Any]:
        """Numba's own passes, and ours once functions are inlined and before anything has a type."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(self.narrow, InlineInlinables)
        passes.finalize()
        return [passes]


class _All(_Constants):
    narrow = _NarrowAll


def compiled_inside(function: Callable[..., Any], kept: bool = True) -> Any:
    """As `sdesim.compiled.jit.compiled_inside`; functions that it calls are left as they are."""
    return compiled_with(function, kept=kept, inline="always", pipeline_class=_Constants)


def compiled_entry(function: Callable[..., Any], kept: bool = True) -> Any:
    """As `sdesim.compiled.jit.compiled_entry`; functions that it calls are left as they are."""
    options: dict[str, Any] = {"forceinline": True, "no_cfunc_wrapper": True, "pipeline_class": _Constants}
    return compiled_with(function, kept=kept, **options)


def single(dispatcher: Any) -> Any:
    """The twin of a compiled function in single precision, with twins of all that it calls."""
    if dispatcher not in _TWINS:
        options = {
            name: dispatcher.targetoptions[name]
            for name in ("forceinline", "inline")
            if name in dispatcher.targetoptions
        }
        _TWINS[dispatcher] = compiled_with(dispatcher.py_func, ".single", pipeline_class=_All, **options)
    return _TWINS[dispatcher]
