"""The pages of the API: one for each public part of the package, its names from their docstrings."""

from __future__ import annotations

import importlib
import inspect

import sdesim

# What has pages of its own: kinds are on the page of kinds, which their families fill.
PARTS = (
    "comparison",
    "engine",
    "estimators",
    "fits",
    "networks",
    "noise",
    "plots",
    "report",
    "runs",
    "scenario",
    "schedules",
    "stable",
    "surfaces",
    "training",
)


def api_pages() -> dict[str, str]:
    """Name of a part → its page, in which mkdocstrings fills in the docstrings; "sdesim": the package."""
    first = [name for name in sdesim.__all__ if name not in PARTS and not name.startswith("_")]
    own = [name for name in first if not inspect.ismodule(getattr(sdesim, name))]
    pages = {"sdesim": _page("sdesim", own)}
    for part in PARTS:
        module = importlib.import_module(f"sdesim.{part}")
        pages[part] = _page(f"sdesim.{part}", getattr(module, "__all__", None) or _public(module))
    return pages


def _public(module: object) -> list[str]:
    return [name for name in dir(module) if not name.startswith("_")]


def _page(module: str, names: list[str]) -> str:
    found = importlib.import_module(module)
    words = inspect.cleandoc(found.__doc__ or "").split("\n\n")[0]
    parts = [f"# {module}", words]
    for name in sorted(names, key=str.lower):
        thing = getattr(found, name)
        # A constant has no docstring; a module, a page of its own.
        if inspect.isclass(thing) or inspect.isfunction(thing):
            home = f"{thing.__module__}.{thing.__qualname__}"
            if home.startswith("sdesim."):
                parts.append(f"::: {home}")
    return "\n\n".join(parts) + "\n"
