"""The code of a user's that a training runs: loss, network, optimizer, data, and what else it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import partial
from inspect import getsourcefile
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

import numpy as np
from torch import Tensor

from sdesim.compiled.sources import is_library, is_own, sources_of
from sdesim.training.loop.recipe import Recipe

# Beyond these sizes a container holds data, not settings, and an object is not looked into.
_MOST_ITEMS, _DEEPEST = 100, 8


def code_of(recipe: Recipe, optimizer: Any) -> dict[str, str]:
    """Digests of the functions and classes that are neither sdesim's nor a library's, by words.

    Every argument of the recipe is looked through: functions, objects with methods, what these hold, hooks of
    the network, the data set below a loader. A function's comments and its place in the file don't count.

    Args:
        recipe: of the training. optimizer: one that its factory has made.

    Returns:
        Words such as "function loss (loss_fn, my_loss.py)", "function Net.forward", "file parts.py" → digits.
    """
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for field in fields(recipe):
        for name, thing in _code(getattr(recipe, field.name), field.name, seen, 0):
            found.setdefault(name, thing)
    for name, thing in _code(type(optimizer), "optimizer", seen, 0):
        found.setdefault(name, thing)
    return sources_of(found)


def _code(value: Any, place: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    """Functions and classes in a value, each by a name that says where it stands."""
    if value is None or isinstance(value, str | bytes | int | float | complex | np.ndarray | Tensor):
        return
    if id(value) in seen or depth > _DEEPEST:
        return
    seen.add(id(value))
    if isinstance(value, partial):
        yield from _inside(
            {"": value.func, "args": value.args, "keywords": value.keywords}, place, seen, depth
        )
    elif isinstance(value, MethodType):
        yield from _inside({"": value.__func__, "self": value.__self__}, place, seen, depth)
    elif isinstance(value, FunctionType):
        if not _is_known(value.__module__):
            yield _named(value, place), value
    elif isinstance(value, type):
        if not _is_known(value.__module__):
            yield value.__qualname__, value
    elif isinstance(value, Mapping):
        yield from _inside(value, place, seen, depth)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from _inside(dict(enumerate(value)), place, seen, depth)
    else:
        yield from _code(type(value), place, seen, depth)
        held = getattr(value, "__dict__", None)
        if isinstance(held, Mapping):
            yield from _inside(held, place, seen, depth)


def _inside(items: Mapping[Any, Any], place: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    if len(items) > _MOST_ITEMS:
        return
    for key, item in list(items.items()):
        # Numbers count entries, or hooks since the process began.
        there = f"{place}.{key}" if isinstance(key, str) and key and not key.startswith("_") else place
        yield from _code(item, there, seen, depth + 1)


def _named(function: FunctionType, place: str) -> str:
    file = getsourcefile(function.__code__) or ""
    return f"{function.__name__} ({', '.join(part for part in (place, Path(file).name) if part)})"


def _is_known(module: str | None) -> bool:
    return module is None or is_own(module) or is_library(module)
