"""Attributes of runs as every file format takes them: numbers, texts, and rows of either.

netCDF knows no truth values, no None and nothing nested. So true and false stand as 1 and 0, what is None is
left out, and what is nested stands as JSON, which `mapped` and `rows` read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdesim.io.files import to_json

# Arrays with more numbers are told by their shape.
_MOST = 64


def plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes with every value as a number, a text, or a list of numbers or of texts."""
    found = {str(name): _plain(value) for name, value in attrs.items()}
    return {name: value for name, value in found.items() if value is not None}


def mapped(attrs: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The mapping that an attribute holds; an empty one where there is none."""
    found = _read(attrs.get(name))
    return dict(found) if isinstance(found, Mapping) else {}


def rows(attrs: Mapping[str, Any], name: str) -> list[Any]:
    """The list that an attribute holds; an empty one where there is none."""
    found = _read(attrs.get(name))
    if found is None or isinstance(found, Mapping):
        return []
    # A file format may give a list of one back as that one.
    return [found] if isinstance(found, str | int | float) else list(found)


def event_flags(attrs: Mapping[str, Any]) -> list[list[str]]:
    """The flags of each exit event, by its number."""
    each = rows(attrs, "exit_flags")
    # Earlier runs hold a list for each.
    return [[f for f in held.split(";") if f] if isinstance(held, str) else list(held) for held in each]


def of_parts(prefix: str, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Attributes ``prefix_0_name`` … of several parts, such as the fields of each noise."""
    return {
        f"{prefix}_{k}_{name}": _shown(value) for k, part in enumerate(parts) for name, value in part.items()
    }


def _shown(value: Any) -> Any:
    """A field's value; what is no number, text or short array is told by its name or shape."""
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size <= _MOST else f"array of shape {value.shape}"
    if value is None or isinstance(value, str | bool | int | float | np.generic):
        return value
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value][:_MOST]
    if hasattr(value, "examples"):
        return type(value).__name__
    return repr(value)


def _read(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        flat = [part.item() if isinstance(part, np.generic) else part for part in value]
        if all(isinstance(part, str) for part in flat):
            return flat
        if all(isinstance(part, int | float) for part in flat):
            return [int(part) if isinstance(part, bool) else part for part in flat]
        value = flat
    return to_json(value, indent=None).strip()
