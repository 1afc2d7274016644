"""Files that travel with the package: inside the wheel, or beside the package in a checkout."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = Path(__file__).resolve().parent


def shipped_folder(*parts: str) -> Path:
    """The shipped folder of that path, such as "scenarios" or "analysis", "benchmarks"."""
    inside = _PACKAGE.joinpath("_shipped", *parts)
    return inside if inside.is_dir() else _PACKAGE.parent.joinpath(*parts)


def scenario_index() -> dict[str, dict[str, str]]:
    """Name → file (below the folder "scenarios") and description of every shipped scenario.

    It is stored beside them, because reading every file takes a second; a test holds it to the files.
    """
    text = (shipped_folder("scenarios") / "index.json").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(text)
    return found


def study(name: str) -> ModuleType:
    """Import the study ``analysis/<name>``, a package that uses sdesim and that a command runs."""
    module_name = f"sdesim_{name}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    folder = shipped_folder("analysis", name)
    spec = importlib.util.spec_from_file_location(
        module_name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module


def call_in_study(name: str, function: str, *arguments: Any) -> Any:
    """Call a public function of a study; a fresh process can import this one, and no study."""
    return getattr(study(name), function)(*arguments)
