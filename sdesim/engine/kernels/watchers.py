"""Writes the compiled module that watches regions of given kinds, which drivers then call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sdesim.compiled.generated import decorators, generated_module
from sdesim.engine.events.region import Region

# What a driver calls of it.
WATCHING = ("begin_watch", "look_for", "note_exits")
# And where an event asks for the law of the state behind its walls.
LEAPING = ("find_leaps", "leap")
_ROLES = {
    "nearest": "x, params, shift, inverse, out",
    "gap": "x, lane, wall, params",
    "normal": "x, lane, wall, params, out",
}


def watching(regions: Sequence[Region]) -> tuple[str, ...]:
    """What a driver calls to watch these regions."""
    return WATCHING + (LEAPING if any(region.overshoot for region in regions) else ())


def watched_kinds(regions: Sequence[Region]) -> tuple[list[Region], list[int]]:
    """One region of each kind, and the number of its kind for each region."""
    kinds: list[Region] = []
    numbers = []
    for region in regions:
        same = [k for k, other in enumerate(kinds) if _kind(other) == _kind(region)]
        numbers.append(same[0] if same else len(kinds))
        kinds += [] if same else [region]
    return kinds, numbers


def _kind(region: Region) -> tuple[Any, ...]:
    names = region.module, region.nearest, region.gap, region.normal
    return *names, region.overshoot, *map(id, region.functions.values())


def watch_source(regions: Sequence[Region]) -> str:
    """The text of the module that watches regions of these kinds."""
    in_memory = any(region.functions for region in regions)
    text = "import numpy as np\n\n"
    text += decorators((("compiled", "compiled"), ("compiled_between", "compiled_between")), in_memory)
    for role, arguments in _ROLES.items():
        for k, region in enumerate(regions):
            if not region.functions:
                text += f"from {region.module} import {getattr(region, role)} as {role}_{k}\n"
        text += f"\n\n@compiled\ndef {role}(kind, {arguments}):\n"
        for k in range(len(regions) - 1):
            text += f"    if kind == {k}:\n        return {role}_{k}({arguments})\n"
        text += f"    return {role}_{len(regions) - 1}({arguments})\n\n\n"
    files = ["watch.py"] + ["leaps.py"] * any(region.overshoot for region in regions)
    return text + "\n\n".join(Path(__file__).with_name(f).read_text(encoding="utf-8") for f in files)


def watch_module(regions: Sequence[Region]) -> ModuleType:
    """The module for these kinds, of which there is at least one."""
    named = {
        f"{role}_{k}": region.functions[role]
        for k, region in enumerate(regions)
        for role in (_ROLES if region.functions else ())
    }
    text = watch_source(regions)
    return _private(text, tuple(named.items())) if named else generated_module(text)


@lru_cache(maxsize=32)
def _private(text: str, functions: tuple[tuple[str, Callable[..., Any]], ...]) -> ModuleType:
    """The module for functions that live in memory: compiled once for the same ones."""
    return generated_module(text, dict(functions))
