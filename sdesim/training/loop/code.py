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
from torch.utils.data import DataLoader, Dataset, Sampler

from sdesim.compiled.sources import is_library, is_own, sources_of
from sdesim.runs.stamp import VALUES
from sdesim.training.loop.recipe import Recipe

# Beyond these sizes a container holds data, not settings, and an object is not looked into.
_MOST_ITEMS, _DEEPEST = 100, 8


def code_of(recipe: Recipe, optimizer: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Digests of the functions and classes that are neither sdesim's nor a library's, by words.

    Every argument of the recipe is looked through: functions, objects with methods, what these hold, hooks of
    the network, the data set below a loader. A function's comments and where it stands don't count.

    Args:
        recipe: of the training. optimizer: one that its factory has made.

    Returns:
        Words such as "function loss (loss_fn)", "function Net.forward", "file parts.py" → digits, "values of
        loss_fn.gamma" for the plain public attributes of the objects; and the file of each function that the
        recipe names, for messages.
    """
    found: dict[str, Any] = {}
    places: dict[str, str] = {}
    values: dict[str, str] = {}
    seen: set[int] = set()
    parts = {field.name: getattr(recipe, field.name) for field in fields(recipe)}
    for place, part in [*parts.items(), ("optimizer", type(optimizer))]:
        for name, thing in _code(part, place, seen, 0):
            if name.startswith(VALUES):
                values[name] = str(thing)
                continue
            known, count = name, 1
            while known in found:
                count += 1
                known = f"{name} ({count})"
            found[known] = thing
            if isinstance(thing, FunctionType) and (file := getsourcefile(thing.__code__)):
                places[f"function {known}"] = Path(file).name
    return sources_of(found) | values, places


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
            yield f"{value.__name__} ({place})", value
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
            yield from _settings(value, held, place)
            yield from _inside(held, place, seen, depth)


def _settings(value: Any, held: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
    """Plain public attributes of an object; what begins with an underscore is its own affair."""
    # Data are known by their values, and sdesim's own kinds by the settings that they stand for.
    if is_own(type(value).__module__) or isinstance(value, Dataset | DataLoader | Sampler):
        return
    for key, item in held.items():
        plain = item is None or isinstance(item, str | int | float | complex)
        if plain and not str(key).startswith("_") and key != "training":
            yield f"{VALUES}{place}.{key}", repr(item)


def _inside(items: Mapping[Any, Any], place: str, seen: set[int], depth: int) -> Iterator[tuple[str, Any]]:
    if len(items) > _MOST_ITEMS:
        return
    for key, item in list(items.items()):
        # Numbers count entries, or hooks since the process began.
        there = f"{place}.{key}" if isinstance(key, str) and key and not key.startswith("_") else place
        yield from _code(item, there, seen, depth + 1)


def _is_known(module: str | None) -> bool:
    return module is None or is_own(module) or is_library(module)
