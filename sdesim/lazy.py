"""Public names of a package that are imported on first use, so that asking for one loads no more than it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

Getattr = Callable[[str], Any]
Dir = Callable[[], list[str]]


def lazy_names(
    package: str, homes: Mapping[str, str], met: Callable[[Any], Any] | None = None
) -> tuple[Getattr, Dir]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: its dotted name.
        homes: public name → the module below the package that holds it, as in {"measure": "measures.run"}.
        met: what users meet in place of what a module holds; the same each time. Default: that itself.
    """
    known: dict[str, Any] = {}

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(import_module(f"{package}.{homes[name]}"), name)
        if met is None:
            return found
        if name not in known:
            known[name] = met(found)
        return known[name]

    return __getattr__, lambda: sorted(homes)
