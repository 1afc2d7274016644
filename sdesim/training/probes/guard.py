"""Whatever a call of a network, its hooks and its loss writes, put back bit for bit."""

from __future__ import annotations

import functools
import inspect
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# Objects looked at, and entries of one container that are followed; beyond, containers are still put back.
_MOST, _ENTRIES = 50_000, 256
# Arrays, lists and the tensors in them are kept up to so many entries; what modules own whatever its size.
_ROOM = 1_000_000
_PLAIN = (str, bytes, int, float, complex, bool, type(None), type, types.ModuleType, range, slice, torch.Size)
_STDLIB = frozenset(sys.stdlib_module_names) - {"__main__", "types", "collections"}


class Kept:
    """The state of a network and its loss at one moment: attributes, buffers, modes, containers, generators,
    the variables of functions and the globals that they name, as far as code of one's own holds them.

    Parameters are left out where ``parameters`` is false: they are not written to where a reading replaces
    them. What a call writes elsewhere (files, sockets, objects of other libraries) can't be put back.

    Args:
        roots: modules, functions, objects. parameters: whether their values are kept too.
    """

    def __init__(self, *roots: Any, parameters: bool = False) -> None:
        self._undo: list[Callable[[], None]] = []
        self._tensors: list[tuple[Tensor, Tensor]] = []
        self._seen: set[int] = set()
        self._alive: list[Any] = []
        self._parameters = parameters
        waiting: deque[tuple[Any, bool]] = deque((root, True) for root in roots)
        while waiting and len(self._seen) < _MOST:
            thing, owned = waiting.popleft()
            if isinstance(thing, _PLAIN) or id(thing) in self._seen:
                continue
            self._seen.add(id(thing))
            self._alive.append(thing)
            waiting.extend(self._keep(thing, owned))

    def restore(self) -> bool:
        """Put everything back; gives whether a tensor was written in place."""
        for undo in self._undo:
            undo()
        # All of them, not up to the first that was written.
        return sum(_put_tensor(*kept) for kept in self._tensors) > 0

    def _keep(self, thing: Any, owned: bool) -> Iterator[tuple[Any, bool]]:
        """Keep one object; yield what it holds, with whether a module owns it."""
        if isinstance(thing, Tensor):
            self._tensor(thing, owned)
        elif isinstance(thing, torch.Generator | np.random.Generator | np.random.RandomState | random.Random):
            self._undo.append(_generator(thing))
        elif isinstance(thing, np.ndarray):
            if thing.size <= _ROOM:
                self._undo.append(functools.partial(_put_array, thing, thing.copy()))
        elif isinstance(thing, list | deque | set | dict | bytearray):
            if len(thing) <= _ROOM:
                yield from self._container(thing, owned)
        elif isinstance(thing, tuple | frozenset):
            yield from ((part, owned) for part in list(thing)[:_ENTRIES])
        elif isinstance(thing, functools.partial):
            yield from ((part, owned) for part in (thing.func, thing.args, thing.keywords))
        elif isinstance(thing, types.MethodType):
            yield thing.__self__, owned
            yield thing.__func__, owned
        elif isinstance(thing, types.FunctionType):
            yield from self._function(thing)
        elif _followed(thing):
            if isinstance(thing, torch.jit.ScriptModule):
                yield from ((b, True) for b in thing.buffers())
            yield vars(thing), isinstance(thing, nn.Module)
            name = "forward" if isinstance(thing, nn.Module) else "__call__"
            call = inspect.getattr_static(type(thing), name, None)
            if isinstance(call, types.FunctionType):
                yield call, owned

    def _container(self, thing: Any, owned: bool) -> Iterator[tuple[Any, bool]]:
        if isinstance(thing, dict):
            held = dict(thing)
            self._undo.append(functools.partial(_put_dict, thing, held))
            parts: list[Any] = list(held.values())
        else:
            copied = thing.copy()
            self._undo.append(functools.partial(_put_sequence, thing, copied))
            parts = [] if isinstance(thing, bytearray) else list(copied)
        yield from ((part, owned and isinstance(thing, dict)) for part in parts[:_ENTRIES])

    def _function(self, function: types.FunctionType) -> Iterator[tuple[Any, bool]]:
        """The variables of a function of one's own, and the globals that it names."""
        if _foreign(function.__module__):
            return
        for cell in function.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self._undo.append(functools.partial(_put_cell, cell, value))
            yield value, False
        yield (function.__defaults__ or ()), False
        yield vars(function), False
        space = function.__globals__
        for name in _names(function.__code__):
            if name in space:
                self._undo.append(functools.partial(_put_name, space, name, space[name]))
                yield space[name], False

    def _tensor(self, tensor: Tensor, owned: bool) -> None:
        written = isinstance(tensor, nn.Parameter) and not self._parameters
        if written or tensor.grad_fn is not None or (not owned and tensor.numel() > _ROOM):
            return
        if tensor.layout is not torch.strided or torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            return
        if self._parameters and tensor.requires_grad:
            self._undo.append(functools.partial(setattr, tensor, "grad", tensor.grad))
            if tensor.grad is not None:
                self._tensors.append((tensor.grad, tensor.grad.detach().clone()))
        self._tensors.append((tensor, tensor.detach().clone()))


def _followed(thing: Any) -> bool:
    """Whether an object's own attributes are kept: modules, and objects of one's own classes."""
    if not hasattr(thing, "__dict__"):
        return False
    if isinstance(thing, nn.Module):
        return True
    return not _foreign(type(thing).__module__)


@functools.cache
def _foreign(module: str | None) -> bool:
    """Whether code of this module is a library's."""
    home = (module or "builtins").partition(".")[0]
    if home in _STDLIB or home in ("builtins", "sdesim"):
        return True
    file = getattr(sys.modules.get(home), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _put_tensor(tensor: Tensor, value: Tensor) -> bool:
    # Not by versions, which kernels that update buffers don't count.
    if torch.equal(tensor.data, value):
        return False
    # By .data, so that a graph that the user still holds does not take it for a change.
    if tensor.shape != value.shape:
        tensor.data = value.clone()
    else:
        tensor.data.copy_(value)
    return True


def _put_array(array: Any, value: Any) -> None:
    if array.shape == value.shape and array.flags.writeable:
        array[...] = value


def _put_dict(thing: dict[Any, Any], held: dict[Any, Any]) -> None:
    if len(thing) != len(held) or any(thing.get(k, held) is not v for k, v in held.items()):
        thing.clear()
        thing.update(held)


def _put_sequence(thing: Any, held: Any) -> None:
    if isinstance(thing, set):
        if thing != held:
            thing.clear()
            thing.update(held)
    elif len(thing) != len(held) or any(a is not b for a, b in zip(thing, held, strict=True)):
        thing.clear()
        thing.extend(held)


def _put_cell(cell: Any, value: Any) -> None:
    cell.cell_contents = value


def _put_name(space: dict[str, Any], name: str, value: Any) -> None:
    if space.get(name, space) is not value:
        space[name] = value


def _generator(generator: Any) -> Callable[[], None]:
    if isinstance(generator, torch.Generator):
        state = generator.get_state()
        return lambda: (generator.set_state(state), None)[1]
    if isinstance(generator, np.random.Generator):
        return functools.partial(setattr, generator.bit_generator, "state", generator.bit_generator.state)
    if isinstance(generator, np.random.RandomState):
        return functools.partial(generator.set_state, generator.get_state())
    return functools.partial(generator.setstate, generator.getstate())


@contextmanager
def untouched(*roots: Any) -> Iterator[None]:
    """Whatever these hold, parameters and their gradients included, is afterwards as it was."""
    kept = Kept(*roots, parameters=True)
    try:
        yield
    finally:
        kept.restore()
