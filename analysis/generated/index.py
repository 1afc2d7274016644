"""The index of shipped scenarios, from which `sdesim list` answers."""

from __future__ import annotations

import json

from sdesim.scenario.load import shipped_scenarios
from sdesim.scenario.yaml import read_yaml
from sdesim.shipped import shipped_folder


def scenario_index() -> str:
    """Name → file and description of every shipped scenario, as JSON."""
    root = shipped_folder("scenarios")
    found = {}
    for name, path in shipped_scenarios().items():
        data = read_yaml(path.read_text(encoding="utf-8"), path.name).data
        found[name] = {
            "file": path.relative_to(root).as_posix(),
            "description": " ".join(str(data.get("description", "")).split()),
        }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"
